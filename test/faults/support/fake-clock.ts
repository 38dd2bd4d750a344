import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../../support/harness.ts';

/** A wall clock that a test can turn while a node runs; the monotonic one goes on as it is. Needs libfaketime. */
const places = ['/usr/lib', '/usr/lib64', '/usr/local/lib'];

function libraryPath(): string {
  for (const place of places.filter((each) => existsSync(each))) {
    for (const folder of ['', ...readdirSync(place)]) {
      const file = join(place, folder, 'faketime/libfaketimeMT.so.1');
      if (existsSync(file)) return file;
    }
  }
  throw new Error('libfaketime is missing: install it, on Debian by "apt-get update && apt-get install faketime"');
}

export class FakeClock {
  readonly #file = join(temporaryFolder(), 'clock');
  readonly environment: NodeJS.ProcessEnv;

  constructor() {
    this.environment = {
      LD_PRELOAD: libraryPath(),
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
    };
    this.turn(0);
  }

  /** From now on the clock is so many seconds off. */
  turn(offsetSeconds: number): void {
    writeFileSync(this.#file, `${offsetSeconds < 0 ? '-' : '+'}${Math.abs(offsetSeconds)}\n`);
  }
}
