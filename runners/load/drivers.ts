import { bulk } from './bulk.ts';
import { closedLoop } from './closed-loop.ts';
import { connections } from './connections.ts';
import { download } from './download.ts';
import type { Driver } from './driver.ts';
import { openLoop } from './open-loop.ts';

/** Every kind of measurement of the lab. Adding one means adding one file and one line here. */
export const drivers: readonly Driver[] = [openLoop, closedLoop, connections, bulk, download];

/** The driver of a kind, which a scenario's schema has checked. */
export function driverOf(kind: string): Driver {
  const found = drivers.find((driver) => driver.kind === kind);
  if (found === undefined) throw new Error(`no driver is of kind ${kind}`);
  return found;
}
