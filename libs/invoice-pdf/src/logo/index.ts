export { LARGEST_LOGO, readLogo } from './logo.js';
export { isFault, type LogoFault } from './svg.js';
