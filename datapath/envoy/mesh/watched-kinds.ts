/** The kinds of objects that a mesh's control plane is told of. */
export const watchedKinds = ['services', 'endpointslices', 'pods', 'configmaps'] as const;
export type WatchedKind = (typeof watchedKinds)[number];
