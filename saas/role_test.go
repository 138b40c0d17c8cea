package saas_test

import (
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/lunobot/lunobot/saas"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/tenancy/vault"
)

// broker starts a NATS server with JetStream that several processes can reach, until
// the test ends, and returns its address.
func broker(t *testing.T) string {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	waitFor(t, "the broker", func() bool { return s.Addr() != nil && s.JetStreamEnabled() })
	return "nats://127.0.0.1:" + strconv.Itoa(s.Addr().(*net.TCPAddr).Port)
}

// sharedSecrets are the keys of an installation of several processes.
type sharedSecrets struct{ signing, private, public string }

func newSecrets(t *testing.T) sharedSecrets {
	t.Helper()
	kek, err := vault.NewKEK()
	if err != nil {
		t.Fatal(err)
	}
	private, err := kek.Encode()
	if err != nil {
		t.Fatal(err)
	}
	public, err := kek.Public().Encode()
	if err != nil {
		t.Fatal(err)
	}
	signing, err := saas.NewSigningKey()
	if err != nil {
		t.Fatal(err)
	}
	return sharedSecrets{signing.Reveal(), private.Reveal(), public}
}

// proves X4 and X5: each role starts with its own keys alone, says what is missing or
// not the role's, and makes none where another process would have to know it.
func TestRolesHoldTheirKeys(t *testing.T) {
	t.Parallel()
	k, other := newSecrets(t), newSecrets(t)
	url, nats := dbtest.PostgresURL(t), broker(t)
	cases := map[string]struct {
		role                     saas.Role
		env                      saas.Environment
		signing, private, public string
		says                     []string // none: it starts
	}{
		"a server beside workers":                 {saas.Web, saas.Production, k.signing, "", k.public, nil},
		"a worker":                                {saas.Worker, saas.Production, "", k.private, "", nil},
		"a worker that knows the other half":      {saas.Worker, saas.Production, "", k.private, k.public, nil},
		"one process":                             {saas.All, saas.Production, k.signing, k.private, "", nil},
		"a server that could open":                {saas.Web, saas.Production, k.signing, k.private, k.public, []string{"LUNOBOT_VAULT_KEY opens", "must not hold it"}},
		"a server with the wrong half":            {saas.Web, saas.Production, k.signing, "", k.private, []string{"LUNOBOT_VAULT_PUBLIC_KEY", "this is the private half"}},
		"a worker that could sign":                {saas.Worker, saas.Production, k.signing, k.private, "", []string{"LUNOBOT_SIGNING_KEY signs", "must not hold it"}},
		"a worker with the wrong half":            {saas.Worker, saas.Production, "", k.public, "", []string{"LUNOBOT_VAULT_KEY", "this is the public half"}},
		"a worker with halves of two":             {saas.Worker, saas.Production, "", k.private, other.public, []string{"not the other half"}},
		"a server without keys, in development":   {saas.Web, saas.Development, "", "", "", []string{"LUNOBOT_SIGNING_KEY is required by the role web", "LUNOBOT_VAULT_PUBLIC_KEY"}},
		"a worker without keys, in development":   {saas.Worker, saas.Development, "", "", "", []string{"LUNOBOT_VAULT_KEY is required by the role worker"}},
		"a server with all keys, in development":  {saas.Web, saas.Development, k.signing, k.private, k.public, nil},
		"a worker with all keys, in development":  {saas.Worker, saas.Development, k.signing, k.private, k.public, nil},
		"one process without keys, in production": {saas.All, saas.Production, "", "", "", []string{"LUNOBOT_SIGNING_KEY is required", "LUNOBOT_VAULT_KEY is required"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			app, err := saas.New(t.Context(), saas.Config{
				DatabaseURL: url, DataDir: dir, Environment: c.env, EventsURL: nats, Role: c.role, Strategies: bundle(),
				Secrets: saas.Secrets{Signing: vault.NewSecret(c.signing), Vault: vault.NewSecret(c.private), VaultPublic: c.public},
			})
			if err == nil {
				app.Stop()
			}
			if (err == nil) != (len(c.says) == 0) {
				t.Fatalf("it starts with %v, want one that says %q", err, c.says)
			}
			for _, want := range c.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("it does not say %q: %v", want, err)
				}
			}
			files, rerr := os.ReadDir(dir)
			if rerr != nil {
				t.Fatal(rerr)
			}
			for _, f := range files {
				if strings.HasSuffix(f.Name(), ".key") {
					t.Errorf("it has made %s", f.Name())
				}
			}
		})
	}
}
