// What a token says about itself. The service judges it; the page only reads who somebody is and until when.

/** Return { sub, role, expiresAt } (milliseconds), or null for what is no token. */
export function claimsOf(token) {
  const parts = token.split('.');
  if (parts.length !== 3) return null;
  try {
    const bytes = Uint8Array.from(atob(parts[1].replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
    const { sub, role, exp } = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof sub !== 'string' || typeof exp !== 'number') return null;
    return { sub, role, expiresAt: exp * 1000 };
  } catch {
    return null;
  }
}
