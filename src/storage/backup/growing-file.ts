import { open } from 'node:fs/promises';

/** So much may be written and not yet synced: nobody's commit then waits long for this file's data. */
const unsyncedMax = 4_194_304;

/**
 * Syncs a file behind its writer, so that the last sync never has much to do. Without its metadata: a full sync would make
 * everybody's commits wait for the journal of the file system.
 */
export class GrowingFile {
  readonly #path: string;
  #synced = 0;
  #syncing: Promise<void> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** To be told how much was written; starts a sync where one is due. False while the writer should wait for it. */
  wrote(size: number): boolean {
    if (this.#syncing === undefined && size - this.#synced >= unsyncedMax) {
      this.#syncing = this.#sync(size).finally(() => {
        this.#syncing = undefined;
      });
    }
    return this.#syncing === undefined || size - this.#synced < unsyncedMax * 2;
  }

  /** When no sync is under way any more. */
  async settled(): Promise<void> {
    await this.#syncing;
  }

  async #sync(size: number): Promise<void> {
    const handle = await open(this.#path, 'r');
    try {
      await handle.datasync();
      this.#synced = size;
    } finally {
      await handle.close();
    }
  }
}
