/** Where unpredictable bytes come from. The server passes the operating system's CSPRNG, tests pass a script. */
export interface RandomSource {
  /** A fresh buffer of exactly `size` bytes, owned by the caller. Throws when the source fails. */
  bytes(size: number): Buffer;
}
