/**
 * Where the program of a thread lies. A thread needs the built program, also where this module itself runs from its source.
 * `path` is relative to storage/, without its extension.
 */
export function workerFile(path: string): URL {
  const fromSource = import.meta.url.endsWith('.ts');
  return new URL(fromSource ? `../../dist/storage/${path}.js` : `./${path}.js`, import.meta.url);
}
