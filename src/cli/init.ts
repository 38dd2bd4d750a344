import { createNode, type NewNode } from './node-directory.ts';
import { print } from './output.ts';

/** `raida-node init`: makes a node. */
export function init(directory: string, wanted: NewNode): void {
  const { raidaId, coinId } = createNode(directory, wanted);
  print(`RAIDA ${raidaId} of coin ${coinId} is ready in ${directory}\n`);
}
