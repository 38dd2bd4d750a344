import type { Bench } from './bench.ts';
import { caseName, commands, depthOf, isSentOnce, pooledRequests, type WireCase } from './cases.ts';
import type { MeasuredNode } from './measured-node.ts';

/** One round of one contender. */
export interface Sample {
  /** Requests a second. */
  readonly rate: number;
  /** Processor time of the serving process for each request, in microseconds. */
  readonly cpuUs?: number;
  readonly batches?: readonly number[];
  readonly residentBytes?: number;
}

/** Whoever is measured in turns with others. */
export interface Contender {
  readonly name: string;
  /** What may be done before the round, so that the rounds of all contenders follow each other closely. */
  prepare?(seconds: number): Promise<void>;
  round(seconds: number): Promise<Sample>;
}

export const leadInSeconds = 0.05;

/** The node under the load of one case. */
export class NodeContender implements Contender {
  readonly name: string;
  readonly node: MeasuredNode;
  readonly wireCase: WireCase;
  readonly #bench: Bench;
  readonly #storedKeys: number;
  /** Sizes of the batches of the latest round: what plain SQLite has to repeat. */
  batches: readonly number[] = [];
  #rate: number | undefined;
  /** Packets for the next round, and for how long they are enough. */
  #prepared: { readonly packets: string; readonly seconds: number } | undefined;

  constructor(bench: Bench, node: MeasuredNode, wireCase: WireCase, storedKeys: number) {
    this.name = caseName(wireCase);
    this.node = node;
    this.wireCase = wireCase;
    this.#bench = bench;
    this.#storedKeys = storedKeys;
  }

  async round(seconds: number): Promise<Sample> {
    const packets = await this.#packetsFor(seconds);
    const { result, measurement } = await this.node.measure(() => this.#saturate(packets, seconds));
    const { requests, batches, cpuUs, residentBytes } = measurement;
    this.batches = batches;
    this.#rate = result.rate;
    return { rate: result.rate, cpuUs: cpuUs / requests, batches, residentBytes };
  }

  /** One request whose reply is proved in full. */
  async probe(): Promise<void> {
    const { load } = this.#bench;
    const { node, wireCase } = this;
    node.resume();
    await load.call('probe', { port: node.port, wireCase, storedKeys: this.#storedKeys });
    node.acknowledge(wireCase, 1);
    node.pause();
  }

  async profile(file: string, seconds: number): Promise<void> {
    const packets = await this.#packetsFor(seconds);
    await this.node.profile(file, () => this.#saturate(packets, seconds));
  }

  async #saturate(packets: string, seconds: number) {
    const { mode, connections } = this.wireCase;
    const plan = { packets, port: this.node.port, mode, connections, leadInSeconds, seconds };
    const result = await this.#bench.load.call('saturate', plan);
    this.node.acknowledge(this.wireCase, result.acknowledged);
    return result;
  }

  async prepare(seconds: number): Promise<void> {
    this.#prepared = { packets: await this.#makePackets(seconds), seconds };
  }

  async #makePackets(seconds: number): Promise<string> {
    const { perSecond } = commands[this.wireCase.command];
    const each = Math.min(perSecond, (this.#rate ?? perSecond) * 1.5);
    const underWay = this.wireCase.connections * depthOf(this.wireCase.mode);
    const newOnes = Math.ceil(each * (leadInSeconds + seconds)) + 2 * underWay + 1_000;
    const count = isSentOnce(this.wireCase) ? newOnes : pooledRequests(this.wireCase);
    return this.#bench.load.call('prepare', { wireCase: this.wireCase, count, storedKeys: this.#storedKeys });
  }

  async #packetsFor(seconds: number): Promise<string> {
    const prepared = this.#prepared;
    this.#prepared = undefined;
    return prepared?.seconds === seconds ? prepared.packets : this.#makePackets(seconds);
  }
}
