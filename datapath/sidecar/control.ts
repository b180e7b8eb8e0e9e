import { runControl } from '../envoy/mesh/control.ts';
import { sidecars } from './fleet.ts';

// Program of a pool's control plane: configuration and certificates for the sidecars of one namespace.
await runControl(sidecars);
