/** `NLM_F_CREATE`, with `NLM_F_EXCL`: what is there already is an error. */
export const creates = 0x400 | 0x200;
/** `NLM_F_CREATE`, with `NLM_F_REPLACE`: what is there already becomes what is asked for. */
export const replaces = 0x400 | 0x100;
