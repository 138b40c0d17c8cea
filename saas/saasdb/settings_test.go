package saasdb_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/saasdb"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		ctx := t.Context()
		if v, ok, err := s.Setting(ctx, "colour"); ok || err != nil {
			t.Fatalf("an unknown setting is %q, %v", v, err)
		}
		var wg sync.WaitGroup
		got := make([]string, 10)
		for i := range got {
			wg.Go(func() {
				var err error
				if got[i], err = s.EnsureSetting(ctx, "colour", fmt.Sprint(i)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, v := range got {
			if v != got[0] {
				t.Fatalf("ten at once settled on %v", got)
			}
		}
		var won atomic.Int32
		for range 10 {
			wg.Go(func() {
				swapped, err := s.SwapSetting(ctx, "colour", got[0], "blue")
				if err != nil {
					t.Error(err)
				}
				if swapped {
					won.Add(1)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("of ten that replace one value %d have done it", won.Load())
		}
		if swapped, err := s.SwapSetting(ctx, "sound", "", "loud"); swapped || err != nil {
			t.Errorf("a setting that is not known was replaced: %v, %v", swapped, err)
		}
		if v, ok, err := s.Setting(ctx, "colour"); v != "blue" || !ok || err != nil {
			t.Fatalf("setting = %q, %v, %v", v, ok, err)
		}
	})
}
