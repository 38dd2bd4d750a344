import { parseConfig } from '../../src/config.ts';
import { createLogger } from '../../src/logger.ts';
import { keepHeapSmall } from '../../src/server/heap.ts';
import { type RunningNode, startNode } from '../../src/server/node.ts';
import { answerCalls } from '../child-calls.ts';
import {
  assertDurable,
  beginMeasurement,
  beginProfile,
  endMeasurement,
  endProfile,
  installProbes,
} from './node-probes.ts';

/** The node that is measured, as `raida-node serve` would run it, in a process of its own. */
const settings = '[server]\nhost = "127.0.0.1"\nport = 0\n[limits]\nidle_limit_ms = 600000\n';

keepHeapSmall();
installProbes();
let node: RunningNode | undefined;

const calls = {
  /** Returns the port. */
  serve: async (directory: string) => {
    node = await startNode({ directory, config: parseConfig(settings, 'bench'), logger: createLogger('info') });
    assertDurable();
    return node.port;
  },
  beginMeasurement,
  endMeasurement,
  beginProfile,
  endProfile,
  /** Resident bytes after garbage was collected. */
  residentBytes: () => {
    global.gc?.();
    return process.memoryUsage.rss();
  },
  stop: () => node?.stop(),
};

export type NodeCalls = typeof calls;

answerCalls(calls);
