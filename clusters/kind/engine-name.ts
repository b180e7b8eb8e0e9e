/** Programs that kind can drive, in the order in which it looks for them. */
export const engineNames = ['docker', 'podman', 'nerdctl'] as const;
export type EngineName = (typeof engineNames)[number];
