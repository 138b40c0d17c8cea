package catalog_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/errs"
)

// What lies in the folder and was not put in is told, with whose place it lies in;
// what was put in is not.
func TestFilesThatNobodyPutIn(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		ctx := b.t.Context()
		if list, err := b.Strays(ctx); err != nil || len(list) != 0 {
			b.t.Fatalf("without a folder: %+v, %v", list, err)
		}
		kept, gone := b.install("demo", "1.0.0"), b.install("demo", "1.1.0")
		if list, err := b.Strays(ctx); err != nil || len(list) != 0 {
			b.t.Fatalf("after an installation: %+v, %v", list, err)
		}
		if err := b.store.DeleteEntry(ctx, gone.Ref); err != nil {
			b.t.Fatal(err)
		}
		place := filepath.Dir(b.folder.Path(kept.Ref, kept.SHA256))
		root := filepath.Dir(filepath.Dir(place))
		for path, text := range map[string]string{
			filepath.Join(root, "loose"): "12345", filepath.Join(place, ".part-7"): "1", filepath.Join(root, "a", "b", "c", "d"): "", filepath.Join(root, "Odd", "x", "y"): "",
		} {
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				b.t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				b.t.Fatal(err)
			}
		}
		list, err := b.Strays(ctx)
		if err != nil {
			b.t.Fatal(err)
		}
		want := []catalog.Stray{
			{Path: filepath.Join(root, "Odd", "x", "y")},
			{Path: filepath.Join(root, "a", "b", "c", "d")},
			{Path: filepath.Join(place, ".part-7"), Size: 1, Ref: kept.Ref, Partial: true},
			{Path: b.folder.Path(gone.Ref, gone.SHA256), Size: gone.Size, Ref: gone.Ref},
			{Path: filepath.Join(root, "loose"), Size: 5},
		}
		if !slices.Equal(list, want) {
			b.t.Errorf("there are %+v, want %+v", list, want)
		}
	})
}

// Whoever approves what they have looked at does not approve another file that was
// put in under the same version meanwhile.
func TestApprovalIsOfTheFileThatWasLookedAt(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		ctx := b.t.Context()
		seen := b.install("demo", "1.0.0")
		if err := b.Remove(ctx, seen.Ref, "eve"); err != nil {
			b.t.Fatal(err)
		}
		if _, err := b.Install(ctx, catalog.InstallInput{Path: b.file("demo", "1.0.0", "Other"), By: "eve"}); err != nil {
			b.t.Fatal(err)
		}
		_, err := b.ApproveFile(ctx, seen.Ref, seen.SHA256, "ada")
		b.want(err, errs.Stale, "strategy_version_replaced")
		now, err := b.store.Entry(ctx, seen.Ref)
		if err != nil || now.Status != catalog.Installed {
			b.t.Fatalf("it is %s, %v", now.Status, err)
		}
		if e, err := b.ApproveFile(ctx, now.Ref, now.SHA256, "ada"); err != nil || e.Status != catalog.Approved {
			b.t.Errorf("it is %s, %v", e.Status, err)
		}
	})
}
