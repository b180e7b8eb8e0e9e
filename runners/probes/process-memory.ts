import { readFileSync } from 'node:fs';

/** A process's resident memory. `fileBytes` are pages of its program and libraries, which others may share. */
export type ProcessMemory = { residentBytes: number; fileBytes: number };

/** @throws Error where there is no such process. */
export function readProcessMemory(pid: number): ProcessMemory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
  return { residentBytes: bytes('VmRSS'), fileBytes: bytes('RssFile') };
}
