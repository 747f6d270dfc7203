// A real OpenID provider with invented people: node server.mjs PORT CALLBACK SIGNED_OUT
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import Provider from "oidc-provider";

const [port, callback, signedOut] = process.argv.slice(2);
const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const jwk = { ...createPrivateKey(privateKey.export({ type: "pkcs8", format: "pem" })).export({ format: "jwk" }), kid: "k-1", use: "sig", alg: "RS256" };

const people = {
  duty: { name: "Duty worker", kind: "person", grants: [{ role: "worker", route: "MASH", la: "821" }] },
  nobody: { name: "Nobody", kind: "person", grants: [] },
};

const provider = new Provider(`http://127.0.0.1:${port}`, {
  jwks: { keys: [jwk] },
  clients: [{
    client_id: "handrail-pages",
    client_secret: "only-in-tests-only-in-tests-only",
    redirect_uris: [callback],
    post_logout_redirect_uris: [signedOut],
    response_types: ["code"],
    grant_types: ["authorization_code"],
    token_endpoint_auth_method: "client_secret_basic",
  }],
  cookies: { keys: ["only-in-tests"] },
  scopes: ["openid", "profile"],
  claims: { openid: ["sub"], profile: ["name", "kind", "grants"] },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  features: { devInteractions: { enabled: true }, rpInitiatedLogout: { enabled: true } },
  ttl: { IdToken: 600, AccessToken: 600, AuthorizationCode: 60, Session: 3600, Interaction: 600, Grant: 3600 },
  async findAccount(_, id) {
    return { accountId: id, claims: () => ({ sub: id, ...people[id] }) };
  },
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope("openid profile");
    await grant.save();
    return grant;
  },
});

provider.listen(Number(port), "127.0.0.1", () => console.log("listening"));
