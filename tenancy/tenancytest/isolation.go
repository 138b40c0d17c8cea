package tenancytest

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
	"github.com/lunobot/lunobot/tenancy/vault"
)

// exerciseIsolation proves P7, P10 and P12: asked as tenant b for what is tenant
// a's, every method that names a tenant answers NotFound or nothing, and changes
// nothing. A method without a case here fails the suite.
func exerciseIsolation(t *testing.T, s Subject) {
	a, b := s.seed(t, "a@example.com"), s.seed(t, "b@example.com")
	now, cases := start(), map[string]func(ctx context.Context) error{}
	tid, uid, sid := b.tenant.ID, a.user.ID, a.session.ID

	cases["Membership"] = func(ctx context.Context) error { return second(s.Store.Membership(ctx, tid, uid)) }
	cases["DeleteMembership"] = func(ctx context.Context) error { return s.Store.DeleteMembership(ctx, tid, uid) }
	cases["Session"] = func(ctx context.Context) error { return second(s.Store.Session(ctx, tid, sid)) }
	cases["LockSession"] = func(ctx context.Context) error { return second(s.Store.LockSession(ctx, tid, sid)) }
	cases["Access"] = func(ctx context.Context) error { return second(s.Store.Access(ctx, tid, sid)) }
	cases["AdvanceSession"] = func(ctx context.Context) error {
		return s.Store.AdvanceSession(ctx, tid, sid, 9, tenancy.Sighting{At: now})
	}
	cases["RevokeSession"] = func(ctx context.Context) error {
		return second(s.Store.RevokeSession(ctx, tid, sid, now, tenancy.RevokedByUser))
	}
	cases["RefreshToken"] = func(ctx context.Context) error { return second(s.Store.RefreshToken(ctx, tid, sid, 1)) }
	cases["ReplaceRefreshToken"] = func(ctx context.Context) error { return s.Store.ReplaceRefreshToken(ctx, tid, sid, 1, now) }
	cases["Key"] = func(ctx context.Context) error { return second(s.Keys.Key(ctx, tid, a.key.ID)) }

	// These have no id of their own to ask for; a tenant that is nobody's must be
	// as empty as any.
	nobody := newID()
	cases["Tenant"] = func(ctx context.Context) error { return second(s.Store.Tenant(ctx, nobody)) }
	cases["NewestKey"] = func(ctx context.Context) error { return second(s.Keys.NewestKey(ctx, nobody)) }

	// Lists and changes of many answer with nothing.
	cases["Sessions"] = func(ctx context.Context) error {
		list, err := s.Store.Sessions(ctx, tid, uid, now)
		return emptyIsNotFound(len(list), err)
	}
	cases["RevokeSessions"] = func(ctx context.Context) error {
		ids, err := s.Store.RevokeSessions(ctx, tid, uid, "", now, tenancy.RevokedByUser)
		return emptyIsNotFound(len(ids), err)
	}

	// New rows cannot hang on another tenant's.
	cases["InsertSession"] = func(ctx context.Context) error {
		return refusedIsNotFound(s.Store.InsertSession(ctx, tid, session(tid, uid)))
	}
	cases["InsertRefreshToken"] = func(ctx context.Context) error {
		token := a.token
		token.TenantID, token.Generation = tid, 2
		return refusedIsNotFound(s.Store.InsertRefreshToken(ctx, tid, token))
	}

	// These only ever add to the tenant that they name, or empty it; what they
	// leave alone is compared below.
	cases["DeleteKeys"] = func(ctx context.Context) error { return emptyIsNotFound(0, s.Keys.DeleteKeys(ctx, tid)) }
	for _, own := range []string{"InsertTenant", "InsertMembership", "AddKey"} {
		cases[own] = nil
	}

	for _, method := range tenantMethods() {
		ask, ok := cases[method]
		switch {
		case !ok:
			t.Errorf("the suite has no case for %s", method)
		case ask != nil:
			wantKind(t, method+" for another tenant's id", ask(t.Context()), errs.NotFound)
		}
	}
	ctx := t.Context()
	want := tenancy.Access{Session: a.session, Role: tenancy.Owner, Tenant: a.tenant, User: a.user}
	if got := must[tenancy.Access](t)(s.Store.Access(ctx, a.tenant.ID, sid)); got != want {
		t.Errorf("tenant b changed tenant a: access = %+v, want %+v", got, want)
	}
	if got := must[tenancy.RefreshToken](t)(s.Store.RefreshToken(ctx, a.tenant.ID, sid, 1)); !reflect.DeepEqual(got, a.token) {
		t.Errorf("tenant b changed tenant a: token = %+v, want %+v", got, a.token)
	}
	if got := must[vault.Key](t)(s.Keys.Key(ctx, a.tenant.ID, a.key.ID)); !reflect.DeepEqual(got, a.key) {
		t.Errorf("tenant b changed tenant a: key = %+v, want %+v", got, a.key)
	}
	err := s.Tx.Tx(ctx, b.tenant.ID, func(ctx context.Context) error {
		return second(s.Store.Session(ctx, a.tenant.ID, sid))
	})
	if err == nil {
		t.Error("a transaction of tenant b read for tenant a")
	}
}

// tenantMethods lists the methods of the stores that name a tenant: those whose
// second argument is a text and that do not belong to the whole installation.
func tenantMethods() []string {
	global := map[string]bool{
		"User": true, "Credentials": true, "LockCredentials": true, "UpdateUser": true, "SetPassword": true,
		"Memberships": true, "KnownNetwork": true, "CountAttempt": true, "ConsumeLink": true, "DeleteLinks": true,
	}
	var names []string
	for _, store := range []reflect.Type{reflect.TypeFor[tenancy.Store](), reflect.TypeFor[vault.Store]()} {
		for m := range store.Methods() {
			if m.Type.NumIn() > 1 && m.Type.In(1).Kind() == reflect.String && !global[m.Name] {
				names = append(names, m.Name)
			}
		}
	}
	return names
}

func second[T any](_ T, err error) error { return err }

func emptyIsNotFound(n int, err error) error {
	switch {
	case err != nil:
		return err
	case n > 0:
		return errors.New("it answered with another tenant's rows")
	}
	return errs.New(errs.NotFound, "nothing", "nothing")
}

func refusedIsNotFound(err error) error {
	if err == nil {
		return errors.New("it was stored")
	}
	return errs.New(errs.NotFound, "refused", "refused")
}
