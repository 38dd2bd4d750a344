import { workerData } from 'node:worker_threads';
import { SharedHmacs } from '../protocol/shared-hmacs.ts';

/** The thread that computes HMACs for the thread that answers; it gets the memory of `SharedHmacs`. */
new SharedHmacs(workerData as SharedArrayBuffer).compute();
