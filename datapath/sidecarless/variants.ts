/** Sockets of two pods on one node are joined; without it, everything goes by packets. */
export const shortcut = 'shortcut';

/** Nobody's policy is in force: the fastest path that there is, and not what a mesh does. */
export const noPolicy = 'no-policy';
