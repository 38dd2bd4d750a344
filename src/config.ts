import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parse as parseToml } from 'smol-toml';
import * as v from 'valibot';
import { closestTo } from './closest.ts';
import { raidaCount } from './domain/coin.ts';
import { parseCoinRange } from './domain/coin-range.ts';
import { parseNetwork } from './domain/network.ts';
import { parseSpan } from './domain/time-text.ts';

/**
 * Every setting in one place: its name, its limits, its default. The names are those of the file, so that one search finds
 * a setting in documentation, configuration and code.
 */
const integer = (min: number, max: number) => v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max));

const coinRange = v.pipe(
  v.string(),
  v.check((text) => parseCoinRange(text) !== undefined, 'expected "denomination:first-last"'),
);

const span = v.pipe(
  v.string(),
  v.check((text) => (parseSpan(text) ?? 0) >= spanMinMs, 'expected a span of a minute or more, such as "24h"'),
);

const spanMinMs = 60_000;

const network = v.pipe(
  v.string(),
  v.check((text) => parseNetwork(text) !== undefined, 'expected a network such as "192.0.2.0/24" or "::1/128"'),
);

const sections = {
  server: v.object({
    raida_id: v.optional(integer(0, raidaCount - 1)),
    coin_id: v.optional(integer(0, 0xffff)),
    host: v.optional(v.pipe(v.string(), v.nonEmpty()), '0.0.0.0'),
    /** Without one, 50,000 plus the RAIDA id. 0 picks a free one. */
    port: v.optional(integer(0, 65_535)),
    /** 32 hexadecimal digits; without it, show stats is refused. */
    admin_key: v.optional(v.pipe(v.string(), v.regex(/^(?:[0-9a-fA-F]{32})?$/, 'expected 32 hexadecimal digits'))),
    /** A deployed server's settings that mean nothing here: understood, so that its file can be used as it stands. */
    threads: v.optional(v.number()),
    backup_freq: v.optional(v.number()),
    udp_effective_payload: v.optional(v.number()),
    raida_servers: v.optional(v.array(v.string())),
  }),
  limits: v.object({
    connections: v.optional(integer(1, 100_000), 10_000),
    header_deadline_ms: v.optional(integer(10, 600_000), 5_000),
    request_deadline_ms: v.optional(integer(10, 600_000), 10_000),
    idle_limit_ms: v.optional(integer(10, 86_400_000), 60_000),
    /** Bytes held over all connections: of unfinished requests, and of those that wait behind others or for their client. */
    unparsed_bytes: v.optional(integer(65_536, 2 ** 40), 6_291_456),
    /** Requests that share one transaction at most. */
    batch: v.optional(integer(1, 65_536), 256),
  }),
  keys: v.object({
    replace: v.optional(v.picklist(['same-coin', 'any', 'never']), 'same-coin'),
    /** Days after which a key is removed; 0 keeps it for good. */
    retention_days: v.optional(integer(0, 36_500), 0),
    /** Whether a key is removed once it was fetched. */
    single_use: v.optional(v.boolean(), false),
    /** How many keys may be stored in one coin's name, and in all; 0 is without limit. */
    per_coin: v.optional(integer(0, 2 ** 40), 0),
    total: v.optional(integer(0, 2 ** 40), 0),
    /** Whether get key is refused under encryption type 1, whose replies let an observer derive the coin's secret. */
    refuse_type_1_get: v.optional(v.boolean(), false),
  }),
  tickets: v.object({
    recipients: v.optional(v.array(coinRange), ['1:0-24999']),
    require_encryption: v.optional(v.boolean(), false),
  }),
  reconstruction: v.object({
    /** Whether Decrypt RAIDA Key restores coins: all, those of `allow`, or none. */
    mode: v.optional(v.picklist(['on', 'allowlist', 'off']), 'on'),
    allow: v.optional(v.array(coinRange), []),
    /** How often one half of a coin may be restored within a day; 0 is without limit. */
    per_day: v.optional(integer(0, 1_000_000), 3),
    /** Whether the halves of a coin must come from different authorities. */
    distinct_authorities: v.optional(v.boolean(), false),
  }),
  replay: v.object({
    /** For so long the same authenticated request is answered as the first time; later it is refused. 0 forgets all. */
    window_seconds: v.optional(integer(0, 86_400), 60),
    /** What becomes of one that shares nonce and challenge with another of its coin, but not all bytes. */
    nonce_reuse: v.optional(v.picklist(['refuse', 'allow']), 'refuse'),
  }),
  rate_limits: v.object({
    /** Key exchange requests a second of one address, of one network (IPv4 /24, IPv6 /48) and in one coin's name; 0 is none. */
    per_address: v.optional(integer(0, 1_000_000), 500),
    per_network: v.optional(integer(0, 1_000_000), 2_000),
    per_coin: v.optional(integer(0, 1_000_000), 200),
    /** Get key requests for unknown ids, of one address. */
    misses_per_address: v.optional(integer(0, 1_000_000), 10),
    /** A burst may be so many seconds' worth. */
    burst_seconds: v.optional(integer(1, 3_600), 10),
    /** Networks that are not limited. */
    exempt: v.optional(v.array(network), ['127.0.0.0/8', '::1/128']),
  }),
  metrics: v.object({
    /** HOST:PORT for /metrics, /livez and /readyz; without it there are none. Anybody who reaches it may read them. */
    listen: v.optional(v.pipe(v.string(), v.regex(/^.+:\d{1,5}$/, 'expected HOST:PORT, such as "127.0.0.1:9464"'))),
  }),
  events: v.object({
    address: v.optional(v.picklist(['full', 'prefix', 'none']), 'full'),
    /** Days after which an event is removed; 0 keeps it for good. */
    retention_days: v.optional(integer(0, 36_500), 0),
  }),
  storage: v.object({
    /** Below this much free space, what writes is refused. */
    min_free_bytes: v.optional(integer(0, 2 ** 50), 33_554_432),
    /** SQLite's locks and syncs do not hold there; for those who know better. */
    allow_network_file_system: v.optional(v.boolean(), false),
  }),
  backup: v.object({
    /** A span such as "24h"; without one, no backups are made by the node itself. */
    every: v.optional(span),
    /** Where they go: a folder on another disk, if there is one. */
    dir: v.optional(v.pipe(v.string(), v.nonEmpty())),
    /** How many are kept. */
    keep: v.optional(integer(1, 10_000), 7),
  }),
  log: v.object({
    level: v.optional(v.picklist(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']), 'info'),
  }),
};

type Sections = { [S in keyof typeof sections]: v.InferOutput<(typeof sections)[S]> };

export type Config = Sections;

/** A setting that cannot be used: cause and cure, for the operator. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigError';
  }
}

export const configFileName = 'config.toml';

const environmentPrefix = 'RAIDA_NODE_';
/** Environment variables that are not settings. */
const environmentOthers = ['RAIDA_NODE_DATA', 'RAIDA_NODE_PASSPHRASE'];

/** A setting given outside the file: `section.key` and its text. */
export interface Override {
  readonly name: string;
  readonly value: string | number;
  /** Where it was given, for messages: the flag or the environment variable. */
  readonly origin: string;
}

type Table = Record<string, unknown>;

/** The file of a data directory, overridden by the environment, overridden by flags. Throws ConfigError. */
export function loadConfig(directory: string, environment: NodeJS.ProcessEnv, flags: readonly Override[] = []): Config {
  const file = join(directory, configFileName);
  const text = readIfPresent(file);
  demandPrivate(file, text);
  return parseConfig(text, file, [...environmentOverrides(environment), ...flags]);
}

/** A file with a secret in it is its owner's alone. */
function demandPrivate(file: string, text: string): void {
  if (!/^\s*admin_key\s*=\s*["'][0-9a-fA-F]/m.test(text) || (statSync(file).mode & 0o077) === 0) return;
  throw new ConfigError(`${file} holds a secret and others can read it: "chmod 600 ${file}"`);
}

function readIfPresent(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return '';
    throw new ConfigError(
      `${file} cannot be read (${code ?? 'unknown error'}): it must be a file that this user may read`,
    );
  }
}

export function parseConfig(text: string, origin: string, overrides: readonly Override[] = []): Config {
  const tables = readToml(text, origin);
  demandKnown(Object.keys(tables), Object.keys(sections), (name) => `[${name}] in ${origin}`);
  for (const [section, table] of Object.entries(tables)) {
    if (!isTable(table)) throw new ConfigError(`${section} in ${origin} is a value; a table [${section}] is expected`);
    demandKnown(Object.keys(table), keysOf(section), (name) => `${section}.${name} in ${origin}`);
  }
  const origins = new Map<string, string>();
  for (const override of overrides) applyOverride(tables, override, origins);
  return Object.fromEntries(
    Object.entries(sections).map(([section, schema]) => {
      const result = v.safeParse(schema as v.GenericSchema, tables[section] ?? {});
      if (result.success) return [section, result.output];
      const [issue] = result.issues;
      const name = `${section}.${issue.path?.map((item) => String(item.key)).join('.') ?? ''}`;
      throw new ConfigError(`${name} (${origins.get(name) ?? origin}): ${issue.message}`);
    }),
  ) as Config;
}

/** `RAIDA_NODE_LIMITS_CONNECTIONS` sets limits.connections; for [server] the section may be left out. */
function environmentOverrides(environment: NodeJS.ProcessEnv): Override[] {
  const known = new Map<string, string>();
  for (const section of Object.keys(sections)) {
    for (const key of keysOf(section)) {
      known.set(`${environmentPrefix}${section}_${key}`.toUpperCase(), `${section}.${key}`);
      if (section === 'server') known.set(`${environmentPrefix}${key}`.toUpperCase(), `${section}.${key}`);
    }
  }
  const given = Object.entries(environment).filter(
    ([name]) => name.startsWith(environmentPrefix) && !environmentOthers.includes(name),
  );
  demandKnown(
    given.map(([name]) => name),
    [...known.keys()],
    (name) => `environment variable ${name}`,
  );
  return given.map(([origin, value = '']) => ({ name: known.get(origin) ?? '', value, origin }));
}

function applyOverride(tables: Record<string, unknown>, override: Override, origins: Map<string, string>): void {
  const [section = '', key = ''] = override.name.split('.');
  const known = Object.keys(sections).flatMap((name) => keysOf(name).map((each) => `${name}.${each}`));
  demandKnown([override.name], known, (name) => `${name} (${override.origin})`);
  const table = isTable(tables[section]) ? tables[section] : {};
  table[key] = typeof override.value === 'number' ? override.value : typedValue(override, section, key);
  tables[section] = table;
  origins.set(override.name, override.origin);
}

/** The text of an override as a TOML value where the setting takes it so, otherwise as a plain string. */
function typedValue({ value }: Override, section: string, key: string): unknown {
  const schema = (sections as Record<string, { entries: Record<string, v.GenericSchema> }>)[section]?.entries[key];
  let typed: unknown = value;
  try {
    typed = (parseToml(`value = ${value}`) as Table).value;
  } catch {
    return value;
  }
  return schema === undefined || v.is(schema, typed) ? typed : value;
}

function readToml(text: string, origin: string): Table {
  try {
    return parseToml(text) as Table;
  } catch (error) {
    const [cause] = (error as Error).message.split('\n');
    throw new ConfigError(`${origin} is not TOML: ${cause}`);
  }
}

function demandKnown(names: readonly string[], known: readonly string[], describe: (name: string) => string): void {
  for (const name of names) {
    if (known.includes(name)) continue;
    throw new ConfigError(`unknown setting ${describe(name)}; the nearest known one is ${closestTo(name, known)}`);
  }
}

function keysOf(section: string): string[] {
  return Object.keys((sections as Record<string, { entries: object }>)[section]?.entries ?? {});
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
