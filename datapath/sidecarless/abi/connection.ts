import { formatAddress } from '../address/address.ts';
import { offsetsOf } from './offsets.ts';
import { type Frontend, frontendAt } from './service.ts';
import { structs } from './structs.ts';

const connectionKeyAt = offsetsOf('ct_key');
const translationKeyAt = offsetsOf('translation_key');
const masqueradeKeyAt = offsetsOf('nat_key');
const masqueradeAt = offsetsOf('nat_entry');
const remoteAt = {
  addr: connectionKeyAt.remote,
  port: connectionKeyAt.remote_port,
  protocol: connectionKeyAt.protocol,
};
const addressBytes = structs.addr.size;

/** The socket that asked for a service, and the backend that it got. */
export function translationOf(key: Uint8Array): { cookie: bigint; backend: Frontend } {
  const view = new DataView(key.buffer, key.byteOffset, key.length);
  return {
    cookie: view.getBigUint64(translationKeyAt.socket, true),
    backend: frontendAt(key, translationKeyAt),
  };
}

/** Whom a pod has a connection with. */
export function remoteOf(connectionKey: Uint8Array): Frontend {
  return frontendAt(connectionKey, remoteAt);
}

/** The pod whose connection it is. */
export function localOf(connectionKey: Uint8Array): string {
  return formatAddress(connectionKey, connectionKeyAt.local);
}

/** The bytes of the pod's address in the key of a connection. */
export function localBytes(connectionKey: Uint8Array): Uint8Array {
  return connectionKey.subarray(connectionKeyAt.local, connectionKeyAt.local + addressBytes);
}

/** Addresses of a masqueraded connection of which one may be the pod's: on its way out, and on its way in. */
export function masqueradedBytes(key: Uint8Array, value: Uint8Array): readonly [out: Uint8Array, back: Uint8Array] {
  return [
    key.subarray(masqueradeKeyAt.local, masqueradeKeyAt.local + addressBytes),
    value.subarray(masqueradeAt.addr, masqueradeAt.addr + addressBytes),
  ];
}
