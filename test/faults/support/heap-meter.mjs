/*
 * Preloaded into a node by NODE_OPTIONS=--import: on SIGUSR2 it collects garbage and appends the bytes of heap that are left,
 * a line each time, to the file HEAP_FILE.
 */

import { appendFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

process.on('SIGUSR2', () => {
  collect();
  appendFileSync(process.env.HEAP_FILE, `${process.memoryUsage().heapUsed}\n`);
});
