package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/page"
)

// keyForm is the form that connects an account.
func keyForm(name string) url.Values {
	return url.Values{"name": {name}, "key_id": {"canarykeywxyz"}, "secret": {"canarysecret"}}
}

// connect connects an account, and has its check end in a state.
func (w *world) connect(t testing.TB, b *browser, name string, state account.State, reason string) string {
	t.Helper()
	if a := b.post("/accounts/new", keyForm(name)); a.status != http.StatusSeeOther {
		t.Fatalf("connecting: %d %s", a.status, a.body)
	}
	l, err := w.accounts.Accounts(t.Context(), b.who, page.Page{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	a := l.Items[0]
	if state != account.Checking {
		a.State, a.Reason, a.CheckedAt = state, reason, w.now()
		a.Rights = []account.Right{{Name: "W_Send", Meaning: "send coins to any address", Need: "forbidden", Known: "untold"}}
		a.Balances, a.BalancesAt = []account.Balance{
			{Currency: "ETH"}, {Currency: "MYR", Total: decimal.RequireFromString("12402.11"), Free: decimal.RequireFromString("8000")}, {Currency: "XBT", Total: decimal.RequireFromString("0.0123"), Free: decimal.RequireFromString("0.0123")},
		}, w.now()
		if err := w.runs.UpdateAccount(t.Context(), b.who.TenantID, a); err != nil {
			t.Fatal(err)
		}
	}
	return a.ID
}

// proves X4, P12: the pages take a key, say what its check found, and never show
// it; another tenant finds nothing.
func TestAccountPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	ada, eve := w.member(t, server, "ada@example.com"), w.member(t, server, "eve@example.com")
	ada.upgrade("premium")
	ada.get("/accounts").want(t, "no account", http.StatusOK, "No account connected", "/accounts/new")
	ada.get("/accounts/new").want(t, "the form", http.StatusOK, "create and cancel orders", "a key that can move money is refused")
	form := keyForm(" ")
	form.Set("secret", "canary secret")
	if a := ada.post("/accounts/new", form); a.status != http.StatusUnprocessableEntity || strings.Contains(a.body, "canary") || !strings.Contains(a.body, "Must have 1 to 80 characters") {
		t.Errorf("a faulty form: %d %s", a.status, a.body)
	}
	id := w.connect(t, ada, "Mine", account.Checking, "")
	ada.get("/accounts").want(t, "a key that is checked", http.StatusOK, "checking", "wxyz", `hx-get="/accounts/rows"`)
	ada.get("/accounts/rows?after=~%22%26").want(t, "a part that follows", http.StatusOK, `hx-get="/accounts/rows?after=~%22%26"`)
	ada.get("/settings").want(t, "the settings", http.StatusOK, `<a class="button" href="/accounts">`, `<li><a href="/accounts"`, `<li class="rail-menu"><a href="/subscription"`)
	w.connect(t, ada, "Bad", account.Refused, "the key has the right W_Send")
	w.connect(t, ada, "Good", account.Connected, "")
	shown := ada.get("/accounts/rows")
	shown.want(t, "all of them", http.StatusOK, "The key has the right W_Send", "does not tell whether this key may send coins to any address", "Check again",
		`<td>MYR</td><td class="figure">12,402.11</td><td class="figure">8,000</td>`, "0.0123")
	shown.want(t, "what becomes of a refused key", http.StatusOK, "Its sealed key is destroyed here on "+w.now().Add(30*24*time.Hour).Format("2 January 2006"))
	if strings.Contains(shown.body, "ETH") {
		t.Error("a currency is shown of which there is nothing")
	}
	if strings.Contains(shown.body, "canary") {
		t.Errorf("the key is shown in %s", shown.body)
	}
	for _, path := range []string{"/check", "/disconnect"} {
		if a := eve.post("/accounts/"+id+path, nil); a.status != http.StatusNotFound {
			t.Errorf("%s of another tenant's account: %d", path, a.status)
		}
	}
	eve.get("/accounts/"+id+"/disconnect").want(t, "another tenant's account", http.StatusNotFound)
	if l, err := w.accounts.Accounts(t.Context(), ada.who, page.Page{}); err != nil {
		t.Fatal(err)
	} else {
		a := l.Items[1]
		a.KeyDestroyedAt = w.now()
		if err := w.runs.UpdateAccount(t.Context(), ada.who.TenantID, a); err != nil {
			t.Fatal(err)
		}
	}
	if a := ada.get("/accounts"); !strings.Contains(a.body, "Give the account a new key") || strings.Contains(a.body, "Check the key of Bad again") {
		t.Errorf("an account without its key shows %s", a.body)
	}
	ada.get("/accounts/"+id+"/key").want(t, "the form of a new key", http.StatusOK, "A new key for Mine", "the same account")
	eve.get("/accounts/"+id+"/key").want(t, "the form of another tenant's account", http.StatusNotFound)
	if a := eve.post("/accounts/"+id+"/key", keyForm("")); a.status != http.StatusNotFound {
		t.Errorf("another tenant replaces the key: %d", a.status)
	}
	if a := ada.post("/accounts/"+id+"/key", url.Values{"key_id": {"canary key"}, "secret": {""}}); a.status != http.StatusUnprocessableEntity || strings.Contains(a.body, "canary") {
		t.Errorf("a faulty key: %d %s", a.status, a.body)
	}
	if a := ada.post("/accounts/"+id+"/key", url.Values{"key_id": {"canarykeyabcd"}, "secret": {"canarysecret"}}); a.status != http.StatusSeeOther {
		t.Errorf("replacing the key: %d %s", a.status, a.body)
	}
	ada.get("/accounts").want(t, "the new key", http.StatusOK, "key ends in abcd")
	ada.get("/accounts/"+id+"/disconnect").want(t, "the question", http.StatusOK, "Disconnect Mine?")
	if a := ada.post("/accounts/"+id+"/check", nil); a.status != http.StatusSeeOther {
		t.Errorf("checking again: %d", a.status)
	}
	if a := ada.post("/accounts/"+id+"/disconnect", nil); a.status != http.StatusSeeOther {
		t.Errorf("disconnecting: %d", a.status)
	}
	if a := eve.post("/accounts/new", keyForm("Hers")); a.status != http.StatusSeeOther {
		t.Errorf("the first account of another tenant: %d", a.status)
	}
	eve.post("/accounts/new", keyForm("One more")).want(t, "more than the plan allows", http.StatusForbidden, "allows 1 exchange account and you have 1", "Basic allows 3", "/subscription")
	if a := ada.get("/accounts"); strings.Contains(a.body, "Mine") {
		t.Error("it is still listed")
	}
}
