import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** What an installation brings along is known, exact, and hardly runs anything by itself. */
const read = (path: string) => readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), 'utf8');

interface Locked {
  readonly version: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly optional?: boolean;
  readonly peer?: boolean;
  readonly hasInstallScript?: boolean;
  readonly integrity?: string;
}

const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, Locked> };
const installed = Object.entries(packages)
  .filter(([path, { dev, devOptional, optional, peer }]) => path !== '' && !(dev || devOptional || optional || peer))
  .map(([path, locked]) => ({ name: path.replace(/^.*node_modules\//, ''), ...locked }));

describe('the production dependencies', () => {
  it('are named in exact versions', () => {
    const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<
      string,
      Record<string, string>
    >;
    for (const version of Object.values({ ...dependencies, ...devDependencies })) {
      expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    }
  });

  it('are those that docs/dependencies.md lists, each with its digest', () => {
    const listed = read('docs/dependencies.md').match(/^- .*$/gm);
    expect(installed.map(({ name, version }) => `- ${name} \`${version}\``).sort()).toEqual(listed);
    for (const { name, integrity } of installed) expect(integrity, name).toMatch(/^sha512-/);
  });

  it('run no script when they are installed, better-sqlite3 alone excepted', () => {
    expect(installed.filter(({ hasInstallScript }) => hasInstallScript).map(({ name }) => name)).toEqual([
      'better-sqlite3',
    ]);
  });

  it('nor does what only development needs: npm is told not to', () => {
    const { allowScripts } = JSON.parse(read('package.json')) as { allowScripts: Record<string, boolean> };
    const scripted = Object.entries(packages).filter(([, { hasInstallScript }]) => hasInstallScript);
    const refused = scripted
      .map(([path]) => path.replace(/^.*node_modules\//, ''))
      .filter((name) => !allowScripts[name]);
    expect(new Set(refused)).toEqual(new Set(['esbuild']));
    expect(allowScripts).toEqual({ 'better-sqlite3': true, esbuild: false });
  });
});
