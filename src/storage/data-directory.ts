/** Names of what a data directory holds, beside the files that have a module of their own. */
export const databaseFileName = 'node.db';
export const coinsDirectoryName = 'coins';
