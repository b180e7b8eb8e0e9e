import { z } from 'zod';

/** How deep a data plane looks: connections and bytes (`l4`), or HTTP requests (`l7`). */
export const Profile = z.enum(['l4', 'l7']);
export type Profile = z.infer<typeof Profile>;
export const profiles = Profile.options;

/** How traffic is encrypted between the nodes. */
export const Encryption = z.enum(['none', 'mtls', 'wireguard']);
export type Encryption = z.infer<typeof Encryption>;

/** Where the generator stands relative to the workload, which is always on the pool's second node. */
export const Placement = z.enum(['cross-node', 'same-node']);
export type Placement = z.infer<typeof Placement>;
export const placements = Placement.options;

/** The roles that pods have. */
export const PodRole = z.enum(['generator', 'workload', 'proxy', 'control']);
export type PodRole = z.infer<typeof PodRole>;
export const podRoles = PodRole.options;

/** Whose CPU time it is. `kernel` is what the machine used beyond an idle cluster and beyond the pods. */
export const Role = z.enum([...podRoles, 'kernel']);
export type Role = z.infer<typeof Role>;
export const roles = Role.options;
