import { readdirSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { commands, Registry } from '../src/commands/registry.ts';

/** Rules of the house that a linter cannot know. */
const root = fileURLToPath(new URL('..', import.meta.url));

function filesBelow(folder: string): string[] {
  return readdirSync(`${root}${folder}`).flatMap((name) => {
    const path = `${folder}/${name}`;
    return statSync(`${root}${path}`).isDirectory() ? filesBelow(path) : [path];
  });
}

const sources = filesBelow('src').map((path) => ({ path, text: readFileSync(`${root}${path}`, 'utf8') }));
const folderOf = (path: string) =>
  /^src\/(?:([a-z]+)\/|([a-z]+)\.ts)/
    .exec(path)
    ?.slice(1)
    .find((name) => name !== undefined) ?? '';

const tests = filesBelow('test').map((path) => ({ path, text: readFileSync(`${root}${path}`, 'utf8') }));

/** What each part may import beside itself. */
const leaves = ['config', 'logger', 'closest', 'version', 'installation'];
const arrows: Record<string, readonly string[]> = {
  bytes: [],
  domain: ['bytes'],
  protocol: ['bytes', 'domain'],
  storage: ['bytes', 'domain', 'installation'],
  commands: ['bytes', 'domain', 'protocol', 'storage'],
  client: ['bytes', 'domain', 'protocol'],
  server: ['bytes', 'domain', 'protocol', 'storage', 'commands', ...leaves],
  cli: ['bytes', 'domain', 'protocol', 'storage', 'commands', 'server', 'client', ...leaves],
  main: ['cli'],
  config: ['domain', 'closest'],
  logger: [],
  closest: [],
  version: ['installation'],
  installation: [],
};

describe('the arrows point one way', () => {
  it.each(sources)('$path', ({ path, text }) => {
    const here = folderOf(path);
    const allowed = arrows[here];
    expect(allowed, `${here} has its arrows listed`).toBeDefined();
    for (const [, target = ''] of text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)) {
      const resolved = new URL(target, `file:///${path}`).pathname.slice(1);
      const there = folderOf(resolved);
      if (there !== here) expect(allowed, `${path} imports ${resolved}`).toContain(there);
    }
  });
});

describe('below the server nothing is ambient', () => {
  it.each(sources.filter(({ path }) => /^src\/(?:bytes|domain|protocol|commands)\//.test(path)))(
    '$path',
    ({ text }) => {
      expect(text).not.toMatch(/Date\.now|Math\.random|process\.|randomBytes|randomFill|performance\.now/);
    },
  );
  // A thread's own main file is where its clock comes from.
  const stored = sources.filter(({ path }) => path.startsWith('src/storage/') && !path.endsWith('-worker.ts'));
  it.each(stored)('$path', ({ text }) => {
    expect(text).not.toMatch(/Date\.now|Math\.random|process\.(?:env|exit)|performance\.now/);
  });
});

describe('every file', () => {
  it.each(sources)('$path is short, finished and silent', ({ path, text }) => {
    expect(text.split('\n').length).toBeLessThanOrEqual(300);
    expect(text).not.toMatch(/\b(?:TODO|FIXME|HACK|XXX)\b/);
    if (!path.startsWith('src/cli/')) expect(text).not.toMatch(/console\./);
    // The global one is behind a getter, which costs as much as a small buffer.
    if (/\bBuffer\.[a-z]/.test(text)) expect(text).toContain("import { Buffer } from 'node:buffer';");
    if (!path.startsWith('src/bytes/')) expect(text).not.toMatch(/\.(?:read|write)(?:Big)?U?Int\d*(?:BE|LE)?\(/);
  });
});

describe('commands and rules', () => {
  const protocol = readFileSync(`${root}docs/protocol.md`, 'utf8');
  const ruleIds = new Set(protocol.match(/\b(?:RH|RB|RP|ST|KX|FL|SG)-\d+(?:\.\d+)?\b/g));
  const cited = new Set(
    [
      ...sources.map(({ text }) => text),
      ...filesBelow('test').map((path) => readFileSync(`${root}${path}`, 'utf8')),
    ].flatMap((text) => text.match(/\b(?:RH|RB|RP|ST|KX|FL|SG)-\d+(?:\.\d+)?\b/g) ?? []),
  );

  it('every command is documented, and no two claim one code', () => {
    for (const { name, code } of commands) {
      expect(protocol.toLowerCase(), name).toContain(`### ${name.replaceAll('-', ' ')}, code ${code}`);
    }
    expect(() => new Registry([...commands, ...commands.slice(0, 1)])).toThrow('claim the same code');
  });

  it('every rule is cited by a test or a source, and every citation exists', () => {
    expect([...ruleIds].filter((id) => !cited.has(id))).toEqual([]);
    const known = [...ruleIds].flatMap((id) => [id, id.split('.')[0]]);
    expect([...cited].filter((id) => !known.includes(id))).toEqual([]);
  });

  it('every rule is proved by a test or a vector, not only named in the code', () => {
    const proved = tests.flatMap(({ text }) => text.match(/\b(?:RH|RB|RP|ST|KX|FL|SG)-\d+(?:\.\d+)?\b/g) ?? []);
    expect([...ruleIds].filter((id) => !proved.includes(id))).toEqual([]);
  });

  it('every test that ARCHITECTURE.md names is there', () => {
    const named = readFileSync(`${root}ARCHITECTURE.md`, 'utf8').match(/test\/[\w/-]+\.test\.ts/g) ?? [];
    expect(named.length).toBeGreaterThan(8);
    for (const path of named) expect(filesBelow('test'), path).toContain(path);
  });
});

describe('every test', () => {
  const programs = tests.filter(({ path }) => path.endsWith('.ts'));
  it.each(programs)('$path runs whole and says what it proves', ({ text }) => {
    expect(text.split('\n').length).toBeLessThanOrEqual(330);
    expect(text).not.toMatch(/\b(?:it|test|describe)(?:\.each)?\.(?:skip|only|todo)\b|ts-(?:ignore|expect-error)/);
    expect(text).toMatch(/\/\*\*/);
  });

  it.each(['wire', 'socket', 'model'])('builds its bytes without a line of src: support/%s.ts', (name) => {
    const text = programs.find(({ path }) => path === `test/support/${name}.ts`)?.text ?? 'from ../../src/';
    expect(text).not.toMatch(/from '[^']*\/src\//);
  });

  it('leads nowhere outside of the project', () => {
    for (const { path, text } of tests) expect(text, path).not.toMatch(/\.\.\/shared|\/work\/|\/home\//);
  });
});
