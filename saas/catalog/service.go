package catalog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/event"
	"github.com/lunobot/lunobot/strategy/pluginhost"
)

// Inspector starts a file to be told what it is; *pluginhost.Host is one.
type Inspector interface {
	Inspect(ctx context.Context, path string) (pluginhost.Item, error)
}

// Config are the service's collaborators; all are required unless a default is
// named.
type Config struct {
	// Contained lists the versions that the server contains, which cannot be put
	// in too. Defaults to none.
	Contained []Ref
	Events    event.Recorder
	Folder    Folder
	Host      Inspector
	Now       func() time.Time
	Store     Store
	Tx        Transactor
}

// Service is what operators do with the catalog. Who may is the caller's to
// know. It is safe for concurrent use.
type Service struct{ cfg Config }

// NewService returns a service; the error names every collaborator that is
// missing.
func NewService(cfg Config) (*Service, error) {
	var problems []error
	need := func(ok bool, name string) {
		if !ok {
			problems = append(problems, fmt.Errorf("catalog: %s is required", name))
		}
	}
	need(cfg.Events != nil, "Events")
	need(cfg.Folder.dir != "", "Folder")
	need(cfg.Host != nil, "Host")
	need(cfg.Now != nil, "Now")
	need(cfg.Store != nil, "Store")
	need(cfg.Tx != nil, "Tx")
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return &Service{cfg: cfg}, nil
}

// InstallInput is a file to be put in.
type InstallInput struct {
	// Path is the file.
	Path string
	// By is who does so; required.
	By string
	// Publisher is who it comes from.
	Publisher string
}

// Validate names every faulty field.
func (in InstallInput) Validate() error {
	var f errs.Fields
	f.Check(in.Path != "", "/path", "is required")
	checkActor(&f, in.By)
	checkText(&f, "/publisher", in.Publisher)
	return f.Err()
}

// maxText bounds what people say, in characters.
const maxText = 200

func checkActor(f *errs.Fields, by string) {
	f.Check(strings.TrimSpace(by) != "", "/by", "is required: who does this")
	checkText(f, "/by", by)
}

func checkText(f *errs.Fields, path, text string) {
	f.Check(utf8.ValidString(text) && utf8.RuneCountInString(text) <= maxText, path, fmt.Sprintf("must be text of at most %d characters", maxText))
}

// Install starts a file to be told what it is and puts it in, not approved. A
// file that does not start or speaks another protocol is a *pluginhost.Error, a
// bad manifest Invalid. Putting the same in again brings back a file that was
// lost and changes nothing else; another file of a version that is there is a
// Conflict.
func (s *Service) Install(ctx context.Context, in InstallInput) (Entry, error) {
	if err := in.Validate(); err != nil {
		return Entry{}, err
	}
	item, err := s.cfg.Host.Inspect(ctx, in.Path)
	if err != nil {
		return Entry{}, fmt.Errorf("describing the plugin: %w", err)
	}
	if err := item.Manifest.Check(); err != nil {
		return Entry{}, errs.New(errs.Invalid, "bad_manifest", "its manifest cannot be used: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	ref := Ref{Name: item.Manifest.Name, Version: item.Manifest.Version}
	// The file and its entry come together, and go together: whoever removes the same
	// version waits until both are there.
	unlock, err := s.cfg.Folder.lock(ctx)
	if err != nil {
		return Entry{}, err
	}
	defer unlock()
	if err := s.free(ctx, ref, item.SHA256); err != nil {
		return Entry{}, err
	}
	size, err := s.cfg.Folder.Put(in.Path, ref, item.SHA256)
	if err != nil {
		return Entry{}, err
	}
	entry := Entry{
		Ref: ref, SHA256: item.SHA256, Size: size, Manifest: item.Manifest, Publisher: strings.TrimSpace(in.Publisher), Status: Installed,
		Isolation: Shared, InstalledBy: strings.TrimSpace(in.By), InstalledAt: s.now(),
	}
	err = s.cfg.Tx.SystemTx(ctx, "putting in "+ref.String(), func(ctx context.Context) error {
		known, err := s.cfg.Store.Entry(ctx, ref)
		if err == nil && known.SHA256 == entry.SHA256 {
			entry = known
			return nil
		}
		if err == nil || errs.KindOf(err) != errs.NotFound {
			return errors.Join(err, taken(known, entry.SHA256))
		}
		if err := s.cfg.Store.InsertEntry(ctx, entry); err != nil {
			return err
		}
		return s.record(ctx, entry, EventInstalled, entry.InstalledBy, entry.Publisher)
	})
	return entry, err
}

// free reports whether a version may be put in with a file.
func (s *Service) free(ctx context.Context, ref Ref, sum string) error {
	for _, c := range s.cfg.Contained {
		if c == ref {
			return errs.New(errs.Conflict, "strategy_version_exists", "%s is contained in this server; give yours another version", ref)
		}
	}
	known, err := s.cfg.Store.Entry(ctx, ref)
	if err != nil {
		if errs.KindOf(err) == errs.NotFound {
			return nil
		}
		return err
	}
	return taken(known, sum)
}

// taken returns the Conflict of another file under a version that is there.
func taken(known Entry, sum string) error {
	if known.SHA256 == sum || known.SHA256 == "" {
		return nil
	}
	return errs.New(errs.Conflict, "strategy_version_exists", "%s is there with another file (SHA-256 %.12s…): raise the version, or remove that one first", known.Ref, known.SHA256)
}

// Approve is ApproveFile for whichever file the version has.
func (s *Service) Approve(ctx context.Context, ref Ref, by string) (Entry, error) {
	return s.ApproveFile(ctx, ref, "", by)
}

// ApproveFile lets tenants use a version, if its file is what was put in; else the
// error is an *UnusableError. Approving an approved one changes nothing. Sum is
// that of the file which somebody looked at: if another one was put in meanwhile,
// it is Stale, code "strategy_version_replaced".
func (s *Service) ApproveFile(ctx context.Context, ref Ref, sum, by string) (Entry, error) {
	seen, err := s.cfg.Store.Entry(ctx, ref)
	if err != nil {
		return Entry{}, err
	}
	if sum == "" {
		sum = seen.SHA256
	}
	var bad error
	if sum == seen.SHA256 {
		bad = s.cfg.Folder.Verify(ref, sum) // it reads the whole file: not in a transaction
	}
	return s.change(ctx, ref, by, "", EventApproved, func(e *Entry) (bool, error) {
		if sum != e.SHA256 {
			return false, errs.New(errs.Stale, "strategy_version_replaced", "%s has another file by now (SHA-256 %.12s…): look at that one first", ref, e.SHA256)
		}
		if bad != nil {
			return false, bad
		}
		if e.Status == Approved {
			return false, nil
		}
		e.Status, e.ApprovedBy, e.ApprovedAt, e.Reason = Approved, by, s.now(), ""
		return true, nil
	})
}

// Revoke takes an approval back: the version is offered no more, and its bots
// pause, which the reason is told to. Revoking what is not approved is a
// Conflict.
func (s *Service) Revoke(ctx context.Context, ref Ref, by, reason string) (Entry, error) {
	return s.change(ctx, ref, by, reason, EventRevoked, func(e *Entry) (bool, error) {
		if e.Status != Approved {
			return false, errs.New(errs.Conflict, "strategy_not_approved", "%s is %s and not approved", ref, e.Status)
		}
		e.Status, e.RevokedBy, e.RevokedAt, e.Reason = Revoked, by, s.now(), reason
		return true, nil
	})
}

// Isolate sets what the bots of a version must have at least.
func (s *Service) Isolate(ctx context.Context, ref Ref, by string, to Isolation) (Entry, error) {
	if !to.Valid() {
		return Entry{}, errs.New(errs.Invalid, "bad_isolation", "%.40q is not shared, tenant or bot", to)
	}
	return s.change(ctx, ref, by, string(to), EventIsolated, func(e *Entry) (bool, error) {
		changed := e.Isolation != to
		e.Isolation = to
		return changed, nil
	})
}

// change changes an entry and writes that down. Fn reports whether it has.
func (s *Service) change(ctx context.Context, ref Ref, by, note, action string, fn func(e *Entry) (bool, error)) (Entry, error) {
	var f errs.Fields
	checkActor(&f, by)
	checkText(&f, "/reason", note)
	if err := f.Err(); err != nil {
		return Entry{}, err
	}
	var e Entry
	err := s.cfg.Tx.SystemTx(ctx, "changing "+ref.String(), func(ctx context.Context) (err error) {
		if e, err = s.cfg.Store.LockEntry(ctx, ref); err != nil {
			return err
		}
		changed, err := fn(&e)
		if err != nil || !changed {
			return err
		}
		if err := s.cfg.Store.UpdateEntry(ctx, e); err != nil {
			return err
		}
		return s.record(ctx, e, action, by, note)
	})
	return e, err
}

// maxNamed is how many bots an error names.
const maxNamed = 10

// Remove deletes a version and its file; an installation of the same file waits
// until both are gone. While bots are pinned to it, it is a
// Conflict, code "strategy_version_pinned", which names them.
func (s *Service) Remove(ctx context.Context, ref Ref, by string) error {
	var f errs.Fields
	checkActor(&f, by)
	if err := f.Err(); err != nil {
		return err
	}
	unlock, err := s.cfg.Folder.lock(ctx) // until the file is gone too
	if err != nil {
		return err
	}
	defer unlock()
	var e Entry
	err = s.cfg.Tx.SystemTx(ctx, "removing "+ref.String(), func(ctx context.Context) (err error) {
		if e, err = s.cfg.Store.Entry(ctx, ref); err != nil {
			return err
		}
		// Deleted first: whoever pins a bot to it meanwhile is waited for, or waits.
		if err := s.cfg.Store.DeleteEntry(ctx, ref); err != nil {
			return err
		}
		pins, err := s.cfg.Store.Pins(ctx, ref)
		if err != nil {
			return err
		}
		if len(pins) > 0 {
			return pinned(ref, pins)
		}
		return s.record(ctx, e, EventRemoved, by, "")
	})
	if err != nil {
		return err
	}
	return s.cfg.Folder.Delete(ref, e.SHA256)
}

func pinned(ref Ref, pins []Pin) error {
	names := make([]string, 0, maxNamed)
	for _, p := range pins[:min(len(pins), maxNamed)] {
		names = append(names, fmt.Sprintf("%q (bot %s of tenant %s)", p.Name, p.BotID, p.TenantID))
	}
	if more := len(pins) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return errs.New(errs.Conflict, "strategy_version_pinned", "%s cannot be removed: bots are pinned to it: %s", ref, strings.Join(names, ", ")).With("bots", len(pins))
}

// Entries lists what was put in, by name and newest version first.
func (s *Service) Entries(ctx context.Context) ([]Entry, error) {
	list, err := s.cfg.Store.Entries(ctx)
	sortEntries(list)
	return list, err
}

// Pins lists the bots of all tenants that are pinned to a version, or are to be
// upgraded to it.
func (s *Service) Pins(ctx context.Context, ref Ref) ([]Pin, error) {
	return s.cfg.Store.Pins(ctx, ref)
}

// Uses counts the bots of all tenants by the version that they are pinned to;
// those without a bot are left out.
func (s *Service) Uses(ctx context.Context) ([]Use, error) { return s.cfg.Store.Uses(ctx) }

// Strays lists the files in the folder that belong to no entry, by their path.
func (s *Service) Strays(ctx context.Context) ([]Stray, error) {
	entries, err := s.cfg.Store.Entries(ctx)
	if err != nil {
		return nil, err
	}
	return s.cfg.Folder.strays(entries)
}

// Verify reports what is wrong with the file of an entry, as an *UnusableError.
func (s *Service) Verify(e Entry) error { return s.cfg.Folder.Verify(e.Ref, e.SHA256) }

// Changes lists the newest lines of the log, newest first.
func (s *Service) Changes(ctx context.Context, limit int) ([]Change, error) {
	return s.cfg.Store.Changes(ctx, limit)
}

// now is the clock, cut to what the databases keep.
func (s *Service) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Microsecond) }

// record writes down what was done and tells it, in the caller's transaction.
func (s *Service) record(ctx context.Context, e Entry, action, by, note string) error {
	c := Change{ID: uuid.Must(uuid.NewV7()).String(), Ref: e.Ref, SHA256: e.SHA256, Action: action, Actor: strings.TrimSpace(by), Note: note, At: s.now()}
	if err := s.cfg.Store.AddChange(ctx, c); err != nil {
		return err
	}
	told, err := event.New(s.cfg.Now(), "", action, e.String(), map[string]any{
		"name": e.Name, "version": e.Version, "sha256": e.SHA256, "status": e.Status, "isolation": e.Isolation, "by": c.Actor, "note": note,
	})
	if err != nil {
		return err
	}
	return s.cfg.Events.Record(ctx, told)
}
