package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/tenancy"
)

// joined is a browser of somebody who has a role in the tenant of another.
func (w *world) joined(t testing.TB, server *httptest.Server, of *browser, email string, role tenancy.Role) *browser {
	t.Helper()
	passwords, err := tenancy.NewPasswords(tenancy.PasswordConfig{MemoryKiB: 64, Passes: 1})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := passwords.Hash(t.Context(), "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	u := tenancy.User{ID: "0197e1a2-6f00-7a00-8000-0000000000aa", Email: email, CreatedAt: w.now()}
	if err := w.users.InsertUser(t.Context(), u, hash); err != nil {
		t.Fatal(err)
	}
	if err := w.users.InsertMembership(t.Context(), of.who.TenantID, tenancy.Membership{TenantID: of.who.TenantID, UserID: u.ID, Role: role, CreatedAt: w.now()}); err != nil {
		t.Fatal(err)
	}
	b := visit(t, server)
	if a := b.post("/signin", url.Values{"email": {email}, "password": {"correct horse battery"}}); a.status != http.StatusSeeOther {
		t.Fatalf("signing in: %d %s", a.status, a.body)
	}
	return b
}

// The form of a live bot tells a member who may not decide about real money that bounds can
// be tightened, and does not loosen them; the owner's does.
func TestMemberTightensTheBoundsOfALiveBot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	ada := w.member(t, server, "ada@example.com")
	ada.upgrade("premium")
	w.reach(t, ada)
	id := w.goLive(t, ada, "Careful", w.connect(t, ada, "Luno main", account.Connected, ""))
	tom := w.joined(t, server, ada, "tom@example.com", tenancy.Trader)
	const hint = "you may tighten its bounds"
	path := "/bots/" + id + "/edit"
	tom.get(path).want(t, "a member's form", http.StatusOK, hint)
	ada.get(path).want(t, "the owner's form", http.StatusOK, "!"+hint)
	form := botForm("Careful")
	form.Set("balance", "1000")
	form.Set("version", "2")
	form.Set("stop_loss", "5")
	if a := tom.post(path, form); a.status != http.StatusSeeOther {
		t.Fatalf("a tighter bound: %d %s", a.status, a.body)
	}
	form.Set("version", "3")
	form.Set("stop_loss", "6")
	tom.post(path, form).want(t, "a looser bound", http.StatusForbidden, `role="alert"`, "would loosen its bounds (stop-loss)", `value="6"`)
	if a := ada.post(path, form); a.status != http.StatusSeeOther {
		t.Errorf("by the owner: %d %s", a.status, a.body)
	}
}
