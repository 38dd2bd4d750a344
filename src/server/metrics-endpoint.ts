import { createServer, type Server } from 'node:http';
import type { Registry } from 'prom-client';

/** Serves /metrics, /livez and /readyz on an address of its own. It tells no secrets, but numbers are for the operator only. */
export class MetricsEndpoint {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** `listen` is HOST:PORT, checked by the configuration. */
  static async start(listen: string, registry: Registry, isReady: () => boolean): Promise<MetricsEndpoint> {
    const separator = listen.lastIndexOf(':');
    const host = listen.slice(0, separator).replace(/^\[(.*)\]$/, '$1');
    const port = Number(listen.slice(separator + 1));
    const server = createServer(async (request, response) => {
      const { status, type = 'text/plain; charset=utf-8', body } = await answer(request.url ?? '', registry, isReady);
      response.writeHead(status, { 'content-type': type }).end(body);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port }, resolve);
    });
    return new MetricsEndpoint(server);
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

interface HttpAnswer {
  readonly status: number;
  readonly type?: string;
  readonly body: string;
}

async function answer(url: string, registry: Registry, isReady: () => boolean): Promise<HttpAnswer> {
  switch (url.split('?')[0]) {
    case '/livez':
      return { status: 200, body: 'alive\n' };
    case '/readyz':
      return isReady() ? { status: 200, body: 'ready\n' } : { status: 503, body: 'writes are refused\n' };
    case '/metrics':
      return { status: 200, type: registry.contentType, body: await registry.metrics() };
    default:
      return { status: 404, body: 'there are /metrics, /livez and /readyz\n' };
  }
}
