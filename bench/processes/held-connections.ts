import { connect } from 'node:net';

export interface HoldPlan {
  readonly port: number;
  readonly connections: number;
}

const openedAtOnce = 100;

/** Opens connections that say nothing, and keeps them until the process ends. */
export async function holdConnections({ port, connections }: HoldPlan): Promise<void> {
  for (let opened = 0; opened < connections; opened += openedAtOnce) {
    const count = Math.min(openedAtOnce, connections - opened);
    await Promise.all(Array.from({ length: count }, () => open(port)));
  }
}

function open(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('connect', resolve);
    socket.on('error', reject);
  });
}
