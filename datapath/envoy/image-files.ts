/** Where an image of programs that speak xDS has the descriptors of Envoy's API. */
export const descriptorsPath = '/opt/lab/share/envoy-descriptors.binpb';
