const preload = new URL('weaker-sync.mjs', import.meta.url).href;

/** The environment of a node whose database syncs less than FULL; without a mode, of one that is left alone. */
export function weakerSync(mode?: string): NodeJS.ProcessEnv {
  return mode === undefined ? {} : { NODE_OPTIONS: `--import=${preload}`, WEAKER_SYNC: mode };
}
