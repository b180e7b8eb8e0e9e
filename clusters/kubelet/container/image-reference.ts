const domain = String.raw`(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::\d+)?\/)?`;
const component = `[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*`;
const suffix = String.raw`(?::\w[\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?`;
const grammar = new RegExp(`^${domain}${component}(?:/${component})*${suffix}$`);

/**
 * What is wrong with the name of an image, in kubelet's words; null where it is one
 * (https://github.com/distribution/reference: domain, path, tag, digest).
 */
export function imageNameError(reference: string): string | null {
  if (grammar.test(reference)) return null;
  const named = `couldn't parse image name "${reference}": invalid reference format`;
  const repository = /^[\w./-]+(?=$|[:@])/.exec(reference)?.[0];
  if (repository === undefined || !grammar.test(reference.toLowerCase())) return named;
  return `${named}: repository name (${repository}) must be lowercase`;
}
