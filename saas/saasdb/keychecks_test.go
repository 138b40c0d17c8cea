package saasdb_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/tenancy"
)

// fine is what is found of a key that may trade, of an account with some wallets.
func fine(wallets ...string) exchange.KeyReport {
	r := exchange.KeyReport{Rights: []exchange.Right{right("R_Balance", exchange.Required, exchange.Granted)}}
	for _, w := range wallets {
		r.Balances = append(r.Balances, exchange.Balance{Currency: "MYR", Account: w, Total: dec("1")})
	}
	return r
}

// A tenant whose exchange does not answer keeps no other waiting, however many
// accounts it has: a worker checks one of a tenant's at a time.
func TestAHangingCheckDelaysNoOtherTenant(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, s *saasdb.Store) {
		k := newDesk(t, d, s)
		k.report, k.hangs = fine(), map[string]bool{}
		for i := range 40 { // more than a worker checks at once
			key := fmt.Sprintf("hanging%02dwxyz", i)
			k.hangs[key] = true
			k.connectKey("a", fmt.Sprint(i), key)
		}
		ctx, stop := context.WithCancel(t.Context())
		woken, over := make(chan struct{}, 1), make(chan struct{})
		go func() {
			defer close(over)
			k.Run(ctx, woken)
		}()
		for i := range 3 {
			b := k.connectKey("b", fmt.Sprint(i), fmt.Sprintf("quick%dwxyz", i))
			woken <- struct{}{}
			for k.shown(b).State == account.Checking {
				select {
				case <-time.After(5 * time.Millisecond):
				case <-over:
					t.Fatal("the worker stopped")
				}
			}
		}
		stop()
		<-over
		hanging := 0
		for _, key := range k.asked {
			if strings.HasPrefix(key, "hanging") {
				hanging++
			}
		}
		if hanging != 1 {
			t.Errorf("%d checks of one tenant were under way at once", hanging)
		}
	})
}

// proves T10: an account at an exchange is connected once in an installation, by
// whatever key and whatever tenant: one count of calls, and bots that take no order of
// each other's for a stranger's. Who was first keeps it while its key is good.
func TestAVenueAccountIsConnectedOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, s *saasdb.Store) {
		k := newDesk(t, d, s)
		look := func(a account.Account) account.Account {
			t.Helper()
			if _, err := k.Look(t.Context()); err != nil {
				t.Fatal(err)
			}
			return k.shown(a)
		}
		k.report = fine("200", "31")
		first := look(k.connectKey("a", "First", "firstkeywxyz"))
		if first.State != account.Connected || first.VenueAccount != "31" {
			t.Fatalf("the first is %+v", first)
		}
		if second := look(k.connectKey("a", "Second", "secondkeywxyz")); second.State != account.Refused || !strings.Contains(second.Reason, `connected already, as "First"`) {
			t.Errorf("another key of the same tenant is %s: %s", second.State, second.Reason)
		}
		k.report = fine("200", "31", "4") // a wallet was added, and its id is below the others
		k.move(time.Hour)
		theirs := look(k.connectKey("b", "Theirs", "theirkeywxyz"))
		if theirs.State != account.Refused || !strings.Contains(theirs.Reason, "another tenant") || strings.Contains(theirs.Reason, "First") || theirs.VenueAccount != "" {
			t.Errorf("another tenant's key is %s: %s", theirs.State, theirs.Reason)
		}
		if first = k.shown(first); first.State != account.Connected || !first.CheckedAt.Equal(k.now()) {
			t.Errorf("the key of the first is not looked at anew: %+v", first)
		}
		for range 3 { // who asks again and again does not have the first one checked again and again
			k.recheck(theirs)
		}
		if asked := len(k.asked); asked != 7 {
			t.Errorf("%d checks: %q", asked, k.asked)
		}
		if first = k.recheck(first); first.State != account.Connected || first.VenueAccount != "31" {
			t.Errorf("checked again the first is %+v", first)
		}
		k.report = fine("5")
		if other := look(k.connectKey("b", "Other", "otherkeywxyz")); other.State != account.Connected {
			t.Errorf("another account is %s: %s", other.State, other.Reason)
		}
		k.report = fine("200", "31", "4")
		k.fault = &exchange.Error{Code: "ErrApiKeyRevoked"}
		if first = k.recheck(first); first.State != account.Revoked || first.VenueAccount != "" {
			t.Errorf("without a key the first is %+v", first)
		}
		k.fault = nil
		if theirs = k.recheck(theirs); theirs.State != account.Connected {
			t.Errorf("once the first is gone theirs is %s: %s", theirs.State, theirs.Reason)
		}
		if first = k.recheck(first); first.State != account.Refused || !strings.Contains(first.Reason, "another tenant") {
			t.Errorf("and the first is %s: %s", first.State, first.Reason)
		}
	})
}

// proves X4, P12 of another key for an account: nothing is sent with it before it was found
// to be of the same account at the exchange, whatever state the one before was in, and a
// key of another account is refused. The account stays the one that bots trade on.
func TestAKeyIsReplaced(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, s *saasdb.Store) {
		k := newDesk(t, d, s)
		replace := func(a account.Account, key string) {
			t.Helper()
			_, err := k.ReplaceKey(t.Context(), member("a", tenancy.Owner), a.ID, account.NewConnect("", "", key, "a secret"))
			wantCode(t, err, errs.Invalid, "invalid_input")
			if a, err = k.ReplaceKey(t.Context(), member("a", tenancy.Owner), a.ID, account.NewConnect("", "", " "+key, "s-"+key)); err != nil {
				t.Fatal(err)
			}
			if a.State != account.Checking || a.KeyHint != key[len(key)-4:] {
				t.Errorf("a new key is %+v", a)
			}
		}
		open := func(a account.Account) error {
			t.Helper()
			_, err := k.connector.Open(t.Context(), "a", a.ID, nil)
			return err
		}
		k.report = fine("200", "31")
		a := k.look(k.connectKey("a", "Main", "firstkeywxyz").ID, 1)
		if err := open(a); !errors.Is(err, errConnected) {
			t.Fatalf("a good key does not connect: %v", err)
		}
		for name, state := range map[string]func(){
			"a good key":    func() { k.fault = nil },
			"a revoked one": func() { k.fault = &exchange.Error{Code: "ErrApiKeyRevoked"} },
			"a destroyed one": func() {
				k.fault = &exchange.Error{Code: "ErrApiKeyRevoked"}
				k.recheck(a)
				k.move(31 * 24 * time.Hour)
				if err := k.Tidy(t.Context()); err != nil {
					t.Fatal(err)
				}
				if a = k.shown(a); a.KeyDestroyedAt.IsZero() {
					t.Error("the key is not destroyed")
				}
			},
		} {
			if state(); k.shown(a).KeyDestroyedAt.IsZero() {
				k.recheck(a)
			}
			k.fault = nil
			replace(a, "secondkeyabcd")
			wantCode(t, open(a), errs.Unavailable, "key_unchecked")
			k.report = fine("77") // another account's
			if got := k.look(a.ID, 1); got.State != account.Refused || !strings.Contains(got.Reason, "another account at the exchange") || got.Wallets()["MYR"] != "31" {
				t.Errorf("after %s another account's key is %s: %s, %v", name, got.State, got.Reason, got.Balances)
			}
			wantCode(t, open(a), errs.Conflict, "account_unusable")
			replace(a, "thirdkeyefgh")
			k.report = fine("200", "31", "500")
			got := k.look(a.ID, 1)
			if got.State != account.Connected || got.VenueAccount != "31" || !got.KeyDestroyedAt.IsZero() {
				t.Errorf("after %s the new key is %+v", name, got)
			}
			if err := open(a); !errors.Is(err, errConnected) || k.asked[len(k.asked)-1] != "thirdkeyefgh:s-thirdkeyefgh" {
				t.Errorf("after %s: %v, asked %q", name, err, k.asked[len(k.asked)-1])
			}
		}
		for _, p := range []tenancy.Principal{member("a", tenancy.Trader), member("b", tenancy.Owner)} {
			if _, err := k.ReplaceKey(t.Context(), p, a.ID, account.NewConnect("", "", "k", "s")); errs.KindOf(err) != errs.Forbidden && errs.CodeOf(err) != "account_not_found" {
				t.Errorf("%s of %s: %v", p.Role, p.TenantID, err)
			}
		}
		if a = k.shown(a); a.State != account.Connected {
			t.Errorf("afterwards it is %s: %s", a.State, a.Reason)
		}
	})
}

// proves RK3: a key that an exchange refuses once is good still, and one that bots trade
// with is looked at again after it was revoked, later each time, so that they go on by
// themselves; what nobody trades with is left alone.
func TestARevokedKeyIsHopedFor(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, s *saasdb.Store) {
		k := newDesk(t, d, s)
		k.report = fine("31")
		a := k.look(k.connectKey("a", "Main", "firstkeywxyz").ID, 1)
		refused := &exchange.Error{Code: "ErrApiKeyRevoked"}
		k.fault, k.again = refused, func() { k.fault = nil }
		if a = k.recheck(a); a.State != account.Connected {
			t.Fatalf("refused once it is %s: %s", a.State, a.Reason)
		}
		k.fault = refused
		if a = k.recheck(a); a.State != account.Revoked || !a.CheckAt.IsZero() {
			t.Fatalf("without bots it is %s, looked at again at %s", a.State, a.CheckAt)
		}
		c, _ := newBot(t, s, "a")
		c.AccountID = a.ID
		if _, err := s.UpdateConfig(t.Context(), "a", c); err != nil {
			t.Fatal(err)
		}
		k.fault = nil
		k.recheck(a)
		k.fault = refused
		a = k.recheck(a)
		since, told, pause := a.CheckedAt, len(k.events), time.Duration(0)
		for range 3 {
			next := a.CheckAt.Sub(k.now())
			if a.State != account.Revoked || next <= pause || next > time.Hour || !a.CheckedAt.Equal(since) {
				t.Fatalf("it is %s since %s, looked at again after %s and then %s", a.State, a.CheckedAt, pause, next)
			}
			pause = next
			k.move(next)
			a = k.look(a.ID, 1)
		}
		if len(k.events) != told {
			t.Errorf("%d events tell that nothing has changed", len(k.events)-told)
		}
		k.fault = nil
		k.move(a.CheckAt.Sub(k.now()))
		if a = k.look(a.ID, 1); a.State != account.Connected || len(k.events) != told+1 {
			t.Errorf("once it works again it is %s: %s", a.State, a.Reason)
		}
	})
}

// proves T10: calls are counted for the account at the exchange, over its connections:
// those of the check itself, and those from before it was disconnected.
func TestTurnsAreOfTheVenueAccount(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, s *saasdb.Store) {
		k := newDesk(t, d, s)
		k.report = fine("7")
		left := func(a account.Account, take int64) (calls int64) {
			t.Helper()
			err := s.ChangeTurns(t.Context(), "a", a.ID, func(t account.Turns) account.Turns {
				t.Left -= take * 1_000_000
				calls = t.Left / 1_000_000
				return t
			})
			if err != nil {
				t.Fatal(err)
			}
			return calls
		}
		a := k.look(k.connectKey("a", "One", "firstkeywxyz").ID, 1)
		if got := left(a, 10); got != 9 { // of 20, less the check's
			t.Errorf("after the check and ten calls there are %d", got)
		}
		if err := k.Disconnect(t.Context(), member("a", tenancy.Admin), a.ID); err != nil {
			t.Fatal(err)
		}
		b := k.look(k.connectKey("a", "Again", "secondkeywxyz").ID, 1)
		if got := left(b, 0); got != 8 {
			t.Errorf("connected again there are %d", got)
		}
		k.move(2 * time.Hour)
		if err := k.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		rows := 0
		err := d.SystemRead(t.Context(), "counting rows", func(ctx context.Context, tx bun.IDB) error {
			return tx.NewRaw("SELECT COUNT(*) FROM account_turns").Scan(ctx, &rows)
		})
		if err != nil || rows != 0 {
			t.Errorf("%d counts are left, %v", rows, err)
		}
		k.recheck(b)
		if got := left(b, 0); got != 19 {
			t.Errorf("after two hours and a check there are %d", got)
		}
	})
}

// The key of an account that was refused is not kept without end: it is destroyed
// after 30 days in which nobody had it checked again, and the tenant is told.
func TestRefusedKeysAreDestroyed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, s *saasdb.Store) {
		k, ctx := newDesk(t, d, s), t.Context()
		k.report, k.powerless = fine(), map[string]bool{"badkeywxyz": true}
		good := k.look(k.connectKey("a", "Good", "goodkeywxyz").ID, 1)
		bad := k.connectKey("b", "Bad", "badkeywxyz")
		if n, err := k.Look(ctx); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		bad = k.shown(bad)
		if !good.KeyUntil().IsZero() || !bad.KeyUntil().Equal(start().Add(30*24*time.Hour)) {
			t.Errorf("the keys are kept until %s and %s", good.KeyUntil(), bad.KeyUntil())
		}
		tidy := func() {
			t.Helper()
			if err := k.Tidy(ctx); err != nil {
				t.Fatal(err)
			}
		}
		k.move(29 * 24 * time.Hour)
		tidy()
		if bad = k.recheck(bad); bad.State != account.Refused {
			t.Fatalf("it is %s", bad.State)
		}
		k.move(29 * 24 * time.Hour)
		tidy()
		if key, err := s.SealedKey(ctx, "b", bad.ID); err != nil || key == (account.SealedKey{}) {
			t.Errorf("a key that was checked 29 days ago is gone: %v", err)
		}
		k.move(24*time.Hour + time.Second)
		tidy()
		tidy()
		if key, err := s.SealedKey(ctx, "b", bad.ID); err != nil || key != (account.SealedKey{}) {
			t.Errorf("the key is still there, %v", err)
		}
		if key, err := s.SealedKey(ctx, "a", good.ID); err != nil || key == (account.SealedKey{}) {
			t.Errorf("a key that is in use is gone: %v", err)
		}
		if bad = k.shown(bad); !bad.KeyDestroyedAt.Equal(k.now()) || bad.State != account.Refused || !bad.KeyUntil().IsZero() {
			t.Errorf("it is %+v", bad)
		}
		if _, err := k.Recheck(ctx, member("b", tenancy.Owner), bad.ID); errs.CodeOf(err) != "key_destroyed" || errs.KindOf(err) != errs.Conflict {
			t.Errorf("it is checked again: %v", err)
		}
		told := 0
		for _, e := range k.events {
			if e.Type == account.EventKeyDestroyed && e.TenantID == "b" {
				told++
			}
		}
		if told != 1 {
			t.Errorf("it was told %d times", told)
		}
	})
}
