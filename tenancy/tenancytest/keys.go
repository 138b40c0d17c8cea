package tenancytest

import (
	"reflect"
	"slices"
	"testing"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy/vault"
)

func exerciseKeys(t *testing.T, s Subject) {
	ctx, v := t.Context(), s.seed(t, "ada@example.com")
	id := v.tenant.ID
	late := v.key
	late.ID, late.Wrapped = newID(), []byte("too late")
	noError(t, s.Keys.AddKey(ctx, id, late))
	if got := must[vault.Key](t)(s.Keys.NewestKey(ctx, id)); !reflect.DeepEqual(got, v.key) {
		t.Errorf("newest key = %+v, want the first of its generation, %+v", got, v.key)
	}
	_, err := s.Keys.Key(ctx, id, late.ID)
	wantKind(t, "a key that came too late", err, errs.NotFound)
	next := late
	next.Generation, next.KEK = 2, "kek-0"
	noError(t, s.Keys.AddKey(ctx, id, next))
	if got := must[vault.Key](t)(s.Keys.NewestKey(ctx, id)); !reflect.DeepEqual(got, next) {
		t.Errorf("newest key = %+v, want %+v", got, next)
	}
	if got := must[vault.Key](t)(s.Keys.Key(ctx, id, v.key.ID)); !reflect.DeepEqual(got, v.key) {
		t.Errorf("older key = %+v, want %+v", got, v.key)
	}
	if got := must[[]string](t)(s.Keys.KEKs(ctx)); !slices.Equal(got, []string{"kek-0", "kek-1"}) {
		t.Errorf("key-encryption keys = %v", got)
	}
	noError(t, s.Keys.DeleteKeys(ctx, id))
	_, err = s.Keys.Key(ctx, id, v.key.ID)
	wantKind(t, "a deleted key", err, errs.NotFound)
	_, err = s.Keys.NewestKey(ctx, id)
	wantKind(t, "the newest of no keys", err, errs.NotFound)
}
