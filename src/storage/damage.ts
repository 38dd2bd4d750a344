/** A stored row is not what was once written: its checksum does not fit. It is not served. */
export class DamagedRow extends Error {
  constructor(what: string) {
    super(`${what} is damaged: its checksum does not fit`);
    this.name = 'DamagedRow';
  }
}
