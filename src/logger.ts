import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

/** Names under which a secret would travel, should a later hand ever log a whole object. */
const secretNames = ['key', 'keys', 'adminKey', 'admin_key', 'authenticationNumber', 'payload', 'body', 'part', 'pad'];

/** The one root logger: JSON lines on standard output. */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    redact: { paths: secretNames.flatMap((name) => [name, `*.${name}`]), censor: '[secret]' },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
