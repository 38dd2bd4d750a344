import { readdirSync, readFileSync } from 'node:fs';

/** What the kernel says of a process. */

/** The most that it ever held. */
export function residentBytesMax(pid: number): number {
  return kibibytes(pid, 'VmHWM') * 1_024;
}

export function residentBytes(pid: number): number {
  return kibibytes(pid, 'VmRSS') * 1_024;
}

export function openDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

export const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;

function kibibytes(pid: number, name: string): number {
  const line = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1]);
}
