/** What the kernel refused. `code` is the error's name (`EEXIST`); the message has what was asked, and the kernel's words. */
export class NetlinkError extends Error {
  override readonly name = 'NetlinkError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
