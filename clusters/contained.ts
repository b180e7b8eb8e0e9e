/**
 * A command in process and mount namespaces of its own: all that it starts and mounts ends with it, and it ends with the
 * thread that starts it, even if that is killed.
 */
export function contained(file: string, args: readonly string[]): [file: string, args: string[]] {
  return [
    'setpriv',
    [
      ...['--pdeathsig', 'KILL', '--'],
      ...['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--propagation', 'private', '--'],
      file,
      ...args,
    ],
  ];
}
