package catalog_test

import (
	"os"
	"testing"
)

// proves PL5: a file that was changed is noticed at the next look even if its length
// and the time of its content are as before.
func TestForgedTimesHideNoChange(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		s, host := b.shelf(nil)
		made := b.install("demo", "1.0.0")
		b.approve(made.Ref)
		b.look(s)
		path := b.folder.Path(made.Ref, made.SHA256)
		before, err := os.Stat(path)
		if err != nil {
			b.t.Fatal(err)
		}
		if err := os.Chmod(path, 0o600); err != nil {
			b.t.Fatal(err)
		}
		b.look(s) // other rights alone change nothing
		if got := usable(s, "demo", "1.0.0"); got != "demo@1.0.0 as demo@1.0.0" {
			b.t.Fatalf("with other rights it is %s", got)
		}
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			b.t.Fatal(err)
		}
		if _, err := file.WriteAt([]byte("X"), made.Size/2); err != nil {
			b.t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			b.t.Fatal(err)
		}
		if err := os.Chtimes(path, before.ModTime(), before.ModTime()); err != nil {
			b.t.Fatal(err)
		}
		if after, err := os.Stat(path); err != nil || after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) {
			b.t.Fatalf("it does not look as before: %v, %v", after, err)
		}
		b.look(s)
		if got := usable(s, "demo", "1.0.0"); got != "file_changed" || len(host.keys()) != 0 {
			b.t.Errorf("it is %s, and the host has %v", got, host.keys())
		}
	})
}
