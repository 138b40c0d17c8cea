package saasdb_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/event"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/tenancy"
	"github.com/lunobot/lunobot/tenancy/tenancydb"
	"github.com/lunobot/lunobot/tenancy/vault"
)

// desk is the service of accounts and a worker's checker on a database, with an
// exchange that answers what a test says.
type desk struct {
	*account.Service
	*account.Checker
	hand
	t         *testing.T
	store     *saasdb.Store
	connector *account.Connector

	mu     sync.Mutex // for checks of several tenants at once
	events []event.Event
	// hangs are the keys of which the exchange does not answer, and powerless those
	// that lack a right.
	hangs, powerless map[string]bool
	// report and fault are what the exchange answers, meanwhile what happens while
	// it does, and asked the keys that it saw.
	report    exchange.KeyReport
	fault     error
	meanwhile func()
	// again is what happens once it has answered.
	again func()
	asked []string
	// places are the accounts that the tenants' plan counts.
	places map[string]bool
}

// Reserve implements account.Gate.
func (d *desk) Reserve(_ context.Context, tenantID string, wants ...billing.Want) error {
	for _, w := range wants {
		d.places[tenantID+" "+string(w.Feature)+" "+w.Key] = true
	}
	return nil
}

// Release implements account.Gate.
func (d *desk) Release(_ context.Context, tenantID string, wants ...billing.Want) error {
	for _, w := range wants {
		delete(d.places, tenantID+" "+string(w.Feature)+" "+w.Key)
	}
	return nil
}

// Record implements event.Recorder.
func (d *desk) Record(_ context.Context, events ...event.Event) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, events...)
	return nil
}

// counter is where a desk asks about keys.
type counter struct{ *desk }

// errConnected is what a worker gets that was let through to the exchange.
var errConnected = errors.New("the desk has no exchange to connect to")

// Connect implements account.Venue.
func (counter) Connect(account.Credential, exchange.Budget, []exchange.Market, map[string]string) (account.Connection, error) {
	return nil, errConnected
}

// KeyChecker implements account.Venue.
func (d *desk) KeyChecker(c account.Credential, budget exchange.Budget) (exchange.KeyChecker, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, c.Key.Reveal()+":"+c.Secret.Reveal())
	return answer{d, budget, d.hangs[c.Key.Reveal()], d.powerless[c.Key.Reveal()]}, nil
}

// answer is what the exchange of a desk says.
type answer struct {
	*desk
	budget           exchange.Budget
	hangs, powerless bool
}

// CheckKey implements exchange.KeyChecker.
func (a answer) CheckKey(ctx context.Context) (exchange.KeyReport, error) {
	if wait, err := a.budget.Take(ctx, exchange.Turn{}); wait > 0 || err != nil {
		a.t.Errorf("the check waits %s, %v", wait, err)
	}
	if a.hangs {
		<-ctx.Done()
		return exchange.KeyReport{}, ctx.Err()
	}
	if a.powerless {
		return exchange.KeyReport{Rights: []exchange.Right{right("W_Orders", exchange.Required, exchange.Denied)}}, nil
	}
	if do := a.meanwhile; do != nil {
		a.meanwhile = nil
		do()
	}
	report, fault := a.report, a.fault
	if do := a.again; do != nil {
		a.again = nil
		do()
	}
	return report, fault
}

func newDesk(t *testing.T, d *db.DB, s *saasdb.Store) *desk {
	t.Helper()
	kek, err := vault.NewKEK()
	if err != nil {
		t.Fatal(err)
	}
	keys := tenancydb.New(d)
	for _, tenant := range []string{"a", "b"} {
		if err := keys.InsertTenant(t.Context(), tenant, tenancy.Tenant{ID: tenant, Name: tenant, CreatedAt: start()}); err != nil {
			t.Fatal(err)
		}
	}
	k := &desk{t: t, store: s, places: map[string]bool{}}
	sealer, err := vault.NewSealer(vault.SealerConfig{KEK: kek.Public(), Now: k.now, Store: keys})
	if err != nil {
		t.Fatal(err)
	}
	unsealer, err := vault.NewOpener(vault.OpenerConfig{KEK: kek, Store: keys})
	if err != nil {
		t.Fatal(err)
	}
	opener, err := account.NewOpener(account.OpenerConfig{Opener: unsealer, Store: s})
	if err != nil {
		t.Fatal(err)
	}
	k.Service, err = account.NewService(account.ServiceConfig{Events: k, Gate: k, Now: k.now, Sealer: sealer, Store: s, Tx: d, Venues: []string{"luno", "gone"}})
	if err != nil {
		t.Fatal(err)
	}
	k.Checker, err = account.NewChecker(account.CheckerConfig{
		Confirm: time.Millisecond, Events: k, Holder: "worker", Now: k.now, Opener: opener, Store: s, Turns: s, Tx: d, Venues: map[string]account.Venue{"luno": counter{k}},
	})
	if err != nil {
		t.Fatal(err)
	}
	k.connector, err = account.NewConnector(account.ConnectorConfig{
		Holder: "worker", Now: k.now, Opener: opener, Store: s, Turns: s, Tx: d, Venues: map[string]account.Venue{"luno": counter{k}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// member is somebody of a tenant in a role.
func member(tenantID string, role tenancy.Role) tenancy.Principal {
	return tenancy.Principal{TenantID: tenantID, UserID: "u", Role: role}
}

// connect connects an account of tenant "a".
func (d *desk) connect(name string) account.Account {
	d.t.Helper()
	a, err := d.Connect(d.t.Context(), member("a", tenancy.Admin), account.Connect{
		Name: name, Venue: "luno", KeyID: vault.NewSecret(" canarykeywxyz\n"), Secret: vault.NewSecret("canarysecret "),
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return a
}

// connectKey connects an account of a tenant with a key.
func (d *desk) connectKey(tenant, name, key string) account.Account {
	d.t.Helper()
	a, err := d.Connect(d.t.Context(), member(tenant, tenancy.Admin), account.NewConnect(name, "luno", key, "secret"))
	if err != nil {
		d.t.Fatal(err)
	}
	return a
}

// shown returns an account as its tenant sees it.
func (d *desk) shown(a account.Account) account.Account {
	d.t.Helper()
	a, err := d.Account(d.t.Context(), member(a.TenantID, tenancy.Viewer), a.ID)
	if err != nil {
		d.t.Fatal(err)
	}
	return a
}

// recheck has an account's key checked, with the checks that are due beside it.
func (d *desk) recheck(a account.Account) account.Account {
	d.t.Helper()
	if _, err := d.Recheck(d.t.Context(), member(a.TenantID, tenancy.Admin), a.ID); err != nil {
		d.t.Fatal(err)
	}
	if _, err := d.Look(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
	return d.shown(a)
}

// look makes the checks that are due and returns the account afterwards.
func (d *desk) look(id string, checks int) account.Account {
	d.t.Helper()
	if n, err := d.Look(d.t.Context()); n != checks || err != nil {
		d.t.Fatalf("looked at %d accounts, want %d; %v", n, checks, err)
	}
	a, err := d.Account(d.t.Context(), member("a", tenancy.Viewer), id)
	if err != nil {
		d.t.Fatal(err)
	}
	return a
}

func right(name string, need exchange.Need, known exchange.Known) exchange.Right {
	return exchange.Right{Name: name, Meaning: "do " + name, Need: need, Known: known}
}

// proves X4: a tenant's key is sealed, checked by the worker, and
// shown by its hint only; a key that may withdraw or lacks a right is
// refused with the reason.
func TestAccountsAreChecked(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, s *saasdb.Store) {
		k := newDesk(t, d, s)
		trade := right("W_Orders", exchange.Required, exchange.Granted)
		k.report = exchange.KeyReport{Rights: []exchange.Right{trade, right("W_Send", exchange.Forbidden, exchange.Untold)}, Notes: []string{"Two accounts."}}
		k.report.Balances = []exchange.Balance{
			{Currency: "XBT", Account: "3", Total: dec("0.5")}, {Currency: "MYR", Account: "2", Total: dec("90071992547409.93"), Reserved: dec("0.01")},
			{Currency: "MYR", Account: "1", Total: dec("7")},
		}
		a := k.connect("Mine")
		if a.State != account.Checking || a.KeyHint != "wxyz" {
			t.Errorf("connected as %+v", a)
		}
		a = k.look(a.ID, 1)
		if a.State != account.Connected || a.Reason != "" || len(a.Rights) != 2 || a.Rights[1].Known != "untold" || len(a.Notes) != 1 || !a.CheckedAt.Equal(k.now()) {
			t.Errorf("checked as %+v", a)
		}
		same(t, "the balances", fmt.Sprint(a.Balances), "[{MYR 1 7 7} {MYR 2 90071992547409.93 90071992547409.92} {XBT 3 0.5 0.5}]")
		if got := a.Wallets(); len(got) != 2 || got["MYR"] != "1" || got["XBT"] != "3" {
			t.Errorf("orders are pinned to %v", got)
		}
		if a.Held("MYR").Wallet != "1" || !a.Held("ETH").Total.IsZero() || !a.BalancesAt.Equal(k.now()) {
			t.Errorf("it holds %+v and %+v since %s", a.Held("MYR"), a.Held("ETH"), a.BalancesAt)
		}
		if len(k.asked) != 1 || k.asked[0] != "canarykeywxyz:canarysecret" {
			t.Errorf("the exchange saw %q", k.asked)
		}
		k.look(a.ID, 0)
		k.move(24 * time.Hour) // its owner gave it more since
		k.report.Rights = append(k.report.Rights, right("R_Withdrawals", exchange.Forbidden, exchange.Granted))
		k.report.Balances = nil // which could not be read
		if a = k.look(a.ID, 1); a.State != account.Refused || !strings.Contains(a.Reason, "R_Withdrawals") || !strings.Contains(a.Reason, "move money") {
			t.Errorf("a key that may withdraw is %s: %s", a.State, a.Reason)
		}
		if len(a.Balances) != 3 || !a.BalancesAt.Equal(start()) {
			t.Errorf("what was seen before became %+v of %s", a.Balances, a.BalancesAt)
		}
		k.report.Rights = []exchange.Right{right("W_Orders", exchange.Required, exchange.Denied)}
		if _, err := k.Recheck(t.Context(), member("a", tenancy.Owner), a.ID); err != nil {
			t.Fatal(err)
		}
		if a = k.look(a.ID, 1); a.State != account.Refused || !strings.Contains(a.Reason, "lacks the right W_Orders") {
			t.Errorf("a key that cannot trade is %s: %s", a.State, a.Reason)
		}
		if _, err := k.Recheck(t.Context(), member("a", tenancy.Owner), a.ID); err != nil {
			t.Fatal(err)
		}
		k.fault = &exchange.Error{Code: "ErrApiKeyRevoked"}
		if a = k.look(a.ID, 1); a.State != account.Revoked {
			t.Errorf("a revoked key is %s: %s", a.State, a.Reason)
		}
		if b := k.look(k.connect("Wrong").ID, 1); b.State != account.Refused || !strings.Contains(b.Reason, "does not take this key") {
			t.Errorf("a wrong key is %s: %s", b.State, b.Reason)
		}
		sealed, err := s.SealedKey(t.Context(), "a", a.ID)
		if err != nil || sealed.Key == "" || sealed.Secret == "" {
			t.Fatalf("sealed as %v, %v", sealed, err)
		}
		if shown := fmt.Sprintf("%+v %+v %s", sealed, a, k.events); strings.Contains(shown, "canary") {
			t.Errorf("the key is in clear in %s", shown)
		}
		var told []string
		for _, e := range k.events {
			told = append(told, e.Type)
		}
		same(t, "the events", strings.Join(told, " "), "account.added account.checked account.checked account.recheck account.checked account.recheck account.checked account.added account.checked")
	})
}

// A check that cannot be made is tried again, later each time; one of a worker that
// died too; and one during which the account was changed or deleted says nothing.
func TestAccountChecksAreTriedAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, s *saasdb.Store) {
		k := newDesk(t, d, s)
		admin := member("a", tenancy.Admin)
		k.fault = errors.New("https://inside:5000 does not answer")
		a := k.look(k.connect("Mine").ID, 1)
		if a.State != account.Checking || strings.Contains(a.Reason, "inside") || !strings.Contains(a.Reason, "tried again") {
			t.Errorf("an exchange that does not answer gives %s: %s", a.State, a.Reason)
		}
		silent := a.UnreachedAt
		if !silent.Equal(k.now()) {
			t.Errorf("it is said not to be reached since %s", silent)
		}
		k.look(a.ID, 0)
		k.move(a.CheckAt.Sub(k.now()))
		before := a.CheckAt
		if a = k.look(a.ID, 1); a.Tries != 2 || !a.UnreachedAt.Equal(silent) || a.CheckAt.Sub(k.now()) <= before.Sub(start()) {
			t.Errorf("after the second try: %+v", a)
		}
		k.fault, k.report = nil, exchange.KeyReport{Rights: []exchange.Right{right("W_Orders", exchange.Required, exchange.Granted)}}
		k.move(time.Hour)
		if _, found, err := s.ClaimCheck(t.Context(), k.now(), k.now().Add(time.Minute), []string{"b", "c"}); err != nil || !found {
			t.Fatalf("a worker that dies claims %v, %v", found, err)
		}
		k.look(a.ID, 0)
		k.move(time.Minute)
		k.meanwhile = func() {
			if _, err := k.Recheck(t.Context(), admin, a.ID); err != nil {
				t.Error(err)
			}
			k.report.Notes = []string{"of the second check"}
		}
		told := len(k.events)
		if a = k.look(a.ID, 2); a.State != account.Connected || !a.UnreachedAt.IsZero() || len(a.Notes) != 1 || len(k.events) != told+2 {
			t.Errorf("a check from before the key was to be checked anew, and one after, made it %+v and told %d", a, len(k.events)-told)
		}
		k.move(24 * time.Hour)
		k.meanwhile = func() {
			if err := k.Disconnect(t.Context(), admin, a.ID); err != nil {
				t.Error(err)
			}
		}
		if n, err := k.Look(t.Context()); n != 1 || err != nil {
			t.Errorf("%d checks, %v, of an account that was deleted", n, err)
		}
		if _, err := s.SealedKey(t.Context(), "a", a.ID); errs.CodeOf(err) != "account_not_found" {
			t.Errorf("the key outlives its account: %v", err)
		}
		if len(k.places) != 0 {
			t.Errorf("of the plan it takes %v", k.places)
		}
		gone, err := k.Connect(t.Context(), admin, account.Connect{Name: "x", Venue: "gone", KeyID: vault.NewSecret("k"), Secret: vault.NewSecret("s")})
		if err != nil {
			t.Fatal(err)
		}
		if gone = k.look(gone.ID, 1); gone.State != account.Checking || !strings.Contains(gone.Reason, "no worker") {
			t.Errorf("an exchange that no worker reaches gives %s: %s", gone.State, gone.Reason)
		}
	})
}

// A venue that does not tell of a required right has not spoken against the key: an
// account that works goes on working, and is looked at again.
func TestAnUnclearCheckRefusesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, s *saasdb.Store) {
		k := newDesk(t, d, s)
		k.report.Rights = []exchange.Right{right("R_Balance", exchange.Required, exchange.Granted)}
		a := k.look(k.connect("Mine").ID, 1)
		k.move(24 * time.Hour)
		k.report.Rights[0].Known = exchange.Untold
		if a = k.look(a.ID, 1); a.State != account.Connected || a.Tries != 1 || !a.CheckAt.After(k.now()) {
			t.Errorf("not told of a right it is %s, tried %d times, again at %s: %s", a.State, a.Tries, a.CheckAt, a.Reason)
		}
		k.move(a.CheckAt.Sub(k.now()))
		k.report.Rights = append(k.report.Rights, right("R_Withdrawals", exchange.Forbidden, exchange.Granted))
		if a = k.look(a.ID, 1); a.State != account.Refused {
			t.Errorf("a key that may withdraw is %s", a.State)
		}
	})
}

// One key is connected once in a tenant, or it would have two counts of calls and
// two sets of books (rule T10): the second account is refused, before the venue is
// asked, until the first is gone. Another tenant learns nothing by it.
func TestAKeyIsConnectedOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, s *saasdb.Store) {
		k, admin := newDesk(t, d, s), member("a", tenancy.Admin)
		k.report.Rights = []exchange.Right{right("R_Balance", exchange.Required, exchange.Granted)}
		first, second := k.connect("First"), k.connect("Second")
		if a := k.look(first.ID, 2); a.State != account.Connected {
			t.Errorf("the first is %s: %s", a.State, a.Reason)
		}
		if a := k.look(second.ID, 0); a.State != account.Refused || !strings.Contains(a.Reason, `connected already, as "First"`) || len(k.asked) != 1 {
			t.Errorf("the second is %s after %d calls: %s", a.State, len(k.asked), a.Reason)
		}
		in := account.NewConnect("Like it", "luno", "anotherkeywxyz", "s")
		like, err := k.Connect(t.Context(), admin, in) // the same hint
		if err != nil {
			t.Fatal(err)
		}
		if a := k.look(like.ID, 1); a.State != account.Connected {
			t.Errorf("a key that ends alike is %s: %s", a.State, a.Reason)
		}
		in = account.NewConnect("Theirs", "luno", "canarykeywxyz", "canarysecret")
		theirs, err := k.Connect(t.Context(), member("b", tenancy.Admin), in)
		if err != nil {
			t.Fatal(err)
		}
		k.look(first.ID, 1)
		if a, err := k.Account(t.Context(), member("b", tenancy.Viewer), theirs.ID); err != nil || a.State != account.Connected {
			t.Errorf("another tenant's is %s: %s, %v", a.State, a.Reason, err)
		}
		if err := k.Disconnect(t.Context(), admin, first.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := k.Recheck(t.Context(), admin, second.ID); err != nil {
			t.Fatal(err)
		}
		if a := k.look(second.ID, 1); a.State != account.Connected {
			t.Errorf("once the first is gone the second is %s: %s", a.State, a.Reason)
		}
	})
}

// An account that a live bot trades on stays connected until the bot is on paper again.
func TestAccountsInUseStay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, s *saasdb.Store) {
		k := newDesk(t, d, s)
		a := k.connect("One")
		c, _ := newBot(t, s, "a")
		c.AccountID = a.ID
		c, err := s.UpdateConfig(t.Context(), "a", c)
		if err != nil {
			t.Fatal(err)
		}
		wantCode(t, k.Disconnect(t.Context(), member("a", tenancy.Owner), a.ID), errs.Conflict, "account_in_use")
		if _, err := s.SealedKey(t.Context(), "a", a.ID); err != nil {
			t.Errorf("its key is gone: %v", err)
		}
		c.AccountID = ""
		if _, err = s.UpdateConfig(t.Context(), "a", c); err != nil {
			t.Fatal(err)
		}
		if err := k.Disconnect(t.Context(), member("a", tenancy.Owner), a.ID); err != nil {
			t.Error(err)
		}
	})
}

// proves P12: another tenant's account is not found, whatever is done with it, and
// stays as it is; roles may do what they may; faulty fields are all named.
func TestAccountsBelongToTheirTenant(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, s *saasdb.Store) {
		k, ctx := newDesk(t, d, s), t.Context()
		first := k.connect("One")
		k.move(time.Second)
		second := k.connect("Two")
		list, err := k.Accounts(ctx, member("a", tenancy.Viewer), page.Page{Limit: 1})
		if err != nil || len(list.Items) != 1 || list.Items[0].ID != second.ID || list.Next != second.ID {
			t.Fatalf("listed %+v, %v", list, err)
		}
		if list, err = k.Accounts(ctx, member("a", tenancy.Viewer), page.Page{Limit: 1, After: list.Next}); err != nil || len(list.Items) != 1 || list.Next != "" {
			t.Errorf("then %+v, %v", list, err)
		}
		same(t, "the last", list.Items[0].Name, "One")
		tries := func(p tenancy.Principal) map[string]error {
			_, get := k.Account(ctx, p, first.ID)
			_, check := k.Recheck(ctx, p, first.ID)
			return map[string]error{"get": get, "check": check, "delete": k.Disconnect(ctx, p, first.ID), "key": func() error { _, err := s.SealedKey(ctx, p.TenantID, first.ID); return err }()}
		}
		for what, err := range tries(member("b", tenancy.Owner)) {
			if errs.CodeOf(err) != "account_not_found" || errs.KindOf(err) != errs.NotFound {
				t.Errorf("%s of another tenant's account: %v", what, err)
			}
		}
		if other, err := k.Accounts(ctx, member("b", tenancy.Owner), page.Page{}); err != nil || len(other.Items) != 0 {
			t.Errorf("another tenant sees %+v, %v", other, err)
		}
		for what, err := range tries(member("a", tenancy.Trader)) {
			if want := what == "check" || what == "delete"; (errs.KindOf(err) == errs.Forbidden) != want {
				t.Errorf("%s by a trader: %v", what, err)
			}
		}
		if a, err := k.Account(ctx, member("a", tenancy.Viewer), first.ID); err != nil || a.UpdatedAt != first.UpdatedAt {
			t.Errorf("it became %+v, %v", a, err)
		}
		_, err = k.Connect(ctx, member("a", tenancy.Trader), account.Connect{})
		if errs.KindOf(err) != errs.Forbidden {
			t.Errorf("a trader connects: %v", err)
		}
		told := len(k.events)
		_, err = k.Connect(ctx, member("a", tenancy.Admin), account.Connect{Name: " ", Venue: "nyse", KeyID: vault.NewSecret("a b"), Secret: vault.NewSecret("")})
		for _, want := range []string{"name must", "venue must be an exchange that can be connected here: luno, gone", "key_id must", "secret must"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v does not name %s", err, want)
			}
		}
		if len(k.events) != told {
			t.Error("a refused account was told of")
		}
	})
}
