/** The candidate that takes the fewest insertions, deletions and replacements to become `word`. */
export function closestTo(word: string, candidates: readonly string[]): string {
  const ranked = candidates.map((candidate) => ({ candidate, distance: distanceBetween(word, candidate) }));
  ranked.sort((one, other) => one.distance - other.distance);
  return ranked[0]?.candidate ?? '';
}

/** Levenshtein's distance, one row of the matrix at a time. */
function distanceBetween(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [index, letter] of [...one].entries()) {
    const next = [index + 1];
    for (let column = 1; column <= other.length; column += 1) {
      const replaced = (row[column - 1] ?? 0) + (letter === other[column - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
