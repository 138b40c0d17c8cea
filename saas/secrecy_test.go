package saas_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas"
	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/tenancy/tenancydb"
	"github.com/lunobot/lunobot/tenancy/vault"
)

// toldVenue is an exchange that tells with which keys it was asked.
type toldVenue struct{ asked chan account.Credential }

// KeyChecker implements account.Venue.
func (v toldVenue) KeyChecker(c account.Credential, _ exchange.Budget) (exchange.KeyChecker, error) {
	v.asked <- c
	return nil, errors.New("it is down")
}

// Connect implements account.Venue.
func (toldVenue) Connect(account.Credential, exchange.Budget, []exchange.Market, map[string]string) (account.Connection, error) {
	return nil, errors.New("it is down")
}

// asTenant calls an App's API and decodes the answer.
func asTenant(t *testing.T, app *saas.App, token, path string, body, out any, status int) {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, bytes.NewReader(raw))
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	app.Handler().ServeHTTP(w, r)
	if w.Code != status {
		t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), out); err != nil {
		t.Fatal(err)
	}
}

// dump returns all rows of a database, as texts.
func dump(t *testing.T, url string) string {
	t.Helper()
	d, err := db.Open(t.Context(), db.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	var all strings.Builder
	err = d.SystemRead(t.Context(), "a dump", func(ctx context.Context, tx bun.IDB) error {
		var tables []string
		if err := tx.NewRaw("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename").Scan(ctx, &tables); err != nil {
			return err
		}
		for _, table := range tables {
			var rows []string
			if err := tx.NewRaw("SELECT t::text FROM ? AS t", bun.Ident(table)).Scan(ctx, &rows); err != nil {
				return err
			}
			all.WriteString(table + "\n" + strings.Join(rows, "\n") + "\n")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// files returns what lies in a folder, as one text.
func files(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		all.Write(append(raw, '\n'))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// openers returns the ways to open what is sealed that somebody has who found texts:
// each word, and each as the private half of the vault's key.
func openers(t *testing.T, d *db.DB, texts ...string) []*account.Opener {
	t.Helper()
	const private = "lunobot-kek-private-1:"
	if _, err := vault.ParseKEK(vault.NewSecret(newSecrets(t).private[len(private):])); err == nil {
		t.Fatal("the private half has no prefix any more: this test looks for it")
	}
	var list []*account.Opener
	words := strings.FieldsFunc(strings.Join(texts, "\n"), func(r rune) bool { return strings.ContainsRune(" \t\r\n\"'(),{}", r) })
	for _, word := range words {
		body := word[strings.LastIndex(word, ":")+1:]
		for _, form := range []string{word, private + body} {
			kek, err := vault.ParseKEK(vault.NewSecret(form))
			if err != nil {
				continue
			}
			unsealer, err := vault.NewOpener(vault.OpenerConfig{KEK: kek, Store: tenancydb.New(d)})
			if err != nil {
				t.Fatal(err)
			}
			opener, err := account.NewOpener(account.OpenerConfig{Opener: unsealer, Store: saasdb.New(d)})
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, opener)
		}
	}
	return list
}

// proves X4: whoever has all settings of the server, all its files and a dump of the
// database can recover no exchange key: none of it is one, and nothing in it opens one.
// The worker's key does, and the worker asks the exchange with what was sealed.
func TestServerCannotOpenExchangeKeys(t *testing.T) {
	t.Parallel()
	const keyID, secret = "canary-key-id-4711", "canary-secret-0815-wxyz"
	k := newSecrets(t)
	url, nats := dbtest.PostgresURL(t), broker(t)
	venue := toldVenue{make(chan account.Credential, 10)}
	begin := func(role saas.Role, dir string, s saas.Secrets) *saas.App {
		app, err := saas.New(t.Context(), saas.Config{
			DatabaseURL: url, DataDir: dir, Environment: saas.Production, EventsURL: nats, Role: role, Secrets: s, Strategies: bundle(),
			Venues: map[string]account.Venue{"luno": venue},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(app.Stop)
		if err := app.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		return app
	}
	dir := t.TempDir()
	web := begin(saas.Web, dir, saas.Secrets{Signing: vault.NewSecret(k.signing), VaultPublic: k.public})
	var login struct {
		Token string `json:"access_token"`
	}
	asTenant(t, web, "", "/api/v1/auth/register", map[string]string{"email": "ada@example.com", "password": "a long enough phrase"}, &login, http.StatusCreated)
	var made struct {
		ID    string `json:"id"`
		State string `json:"state"`
	}
	asTenant(t, web, login.Token, "/api/v1/accounts", map[string]string{"name": "Mine", "venue": "luno", "key_id": keyID, "secret": secret}, &made, http.StatusCreated)
	if made.State != "checking" {
		t.Fatalf("the account is %+v", made)
	}

	d, err := db.Open(t.Context(), db.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	stolen := strings.Join([]string{dump(t, url), files(t, dir), k.signing, k.public, url, nats}, "\n")
	if !strings.Contains(stolen, made.ID) || !strings.Contains(stolen, k.public) {
		t.Fatal("the dump lacks the account")
	}
	for _, plain := range []string{keyID, secret} {
		for _, form := range []string{plain, base64.StdEncoding.EncodeToString([]byte(plain)), base64.RawURLEncoding.EncodeToString([]byte(plain)), hex.EncodeToString([]byte(plain))} {
			if strings.Contains(stolen, form) {
				t.Errorf("%q lies open", form)
			}
		}
	}
	tenantID := tenantOf(t, d, made.ID)
	opens := func(list []*account.Opener) (opened int) {
		for _, o := range list {
			if c, err := o.Open(t.Context(), tenantID, made.ID); err == nil && c.Key.Reveal() == keyID && c.Secret.Reveal() == secret {
				opened++
			}
		}
		return opened
	}
	if n := opens(openers(t, d, stolen)); n != 0 {
		t.Errorf("the key is opened by %d of the words", n)
	}
	if n := opens(openers(t, d, stolen, k.private)); n == 0 {
		t.Error("the worker's key does not open it either: the test shows nothing")
	}

	begin(saas.Worker, t.TempDir(), saas.Secrets{Vault: vault.NewSecret(k.private)})
	select {
	case c := <-venue.asked:
		if c.Key.Reveal() != keyID || c.Secret.Reveal() != secret {
			t.Error("the exchange is asked with another key")
		}
	case <-time.After(time.Minute):
		t.Error("no worker has asked the exchange")
	}
}

// tenantOf returns whose account it is.
func tenantOf(t *testing.T, d *db.DB, accountID string) (tenantID string) {
	t.Helper()
	err := d.SystemRead(t.Context(), "looking for an account", func(ctx context.Context, tx bun.IDB) error {
		return tx.NewRaw("SELECT tenant_id FROM exchange_accounts WHERE id = ?", accountID).Scan(ctx, &tenantID)
	})
	if err != nil {
		t.Fatal(err)
	}
	return tenantID
}
