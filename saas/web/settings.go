package web

import (
	"net/http"
	"strings"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

// settingsPage is what the settings show; passwords are never sent back.
type settingsPage struct {
	Profile  tenancy.Profile
	First    string
	Last     string
	Sessions []sessionRow
	// Others counts the sessions that are not this one.
	Others int
	Faults faults
	Error  string
}

// sessionRow is one line of the list of sessions.
type sessionRow struct {
	tenancy.Session
	Name       string
	Present    bool
	Seen, From moment
}

func (w *Web) settings(rq *request) error { return w.showSettings(rq, http.StatusOK, settingsPage{}) }

// showSettings renders the page around what a refused form has left in p.
func (w *Web) showSettings(rq *request, status int, p settingsPage) error {
	var err error
	if p.Profile, err = w.cfg.Tenancy.Me(rq.Context(), rq.who); err != nil {
		return err
	}
	if p.Faults == nil {
		p.First, p.Last = p.Profile.User.FirstName, p.Profile.User.LastName
	}
	sessions, err := w.cfg.Tenancy.Sessions(rq.Context(), rq.who)
	if err != nil {
		return err
	}
	for _, s := range sessions {
		p.Sessions = append(p.Sessions, sessionRow{
			Session: s, Name: deviceName(s.Device), Present: s.ID == rq.who.SessionID, Seen: moment{s.LastSeenAt}, From: moment{s.CreatedAt},
		})
	}
	p.Others = max(0, len(sessions)-1)
	return w.page(rq, status, "settings/settings", view{Title: "Settings", Nav: "settings", D: p})
}

func (w *Web) updateProfile(rq *request) error {
	first, last := rq.PostFormValue("first_name"), rq.PostFormValue("last_name")
	_, err := w.cfg.Tenancy.UpdateProfile(rq.Context(), rq.who, tenancy.UpdateProfileInput{FirstName: &first, LastName: &last})
	if f, ok := faultsOf(err); ok && err != nil {
		return w.showSettings(rq, http.StatusUnprocessableEntity, settingsPage{First: first, Last: last, Faults: f})
	}
	if err != nil {
		return err
	}
	return rq.redirect("/settings?notice=saved")
}

func (w *Web) changePassword(rq *request) error {
	err := w.cfg.Tenancy.ChangePassword(rq.Context(), rq.who, tenancy.ChangePasswordInput{
		CurrentPassword: rq.PostFormValue("current_password"), NewPassword: rq.PostFormValue("new_password"),
		IP: w.cfg.ClientIP(rq.Request),
	})
	if err == nil {
		return rq.redirect("/settings?notice=password")
	}
	p := settingsPage{First: rq.PostFormValue("first_name")}
	if f, ok := faultsOf(err); ok {
		me, err := w.cfg.Tenancy.Me(rq.Context(), rq.who)
		if err != nil {
			return err
		}
		p.First, p.Last, p.Faults = me.User.FirstName, me.User.LastName, f
		return w.showSettings(rq, http.StatusUnprocessableEntity, p)
	}
	if errs.KindOf(err) == errs.RateLimited {
		p.Error = messageOf(err)
		return w.showSettings(rq, http.StatusTooManyRequests, p)
	}
	return err
}

func (w *Web) revokeSession(rq *request) error {
	id := rq.PathValue("id")
	if err := w.cfg.Tenancy.RevokeSession(rq.Context(), rq.who, id); err != nil {
		return err
	}
	if id == rq.who.SessionID {
		w.forget(rq)
		return rq.redirect("/signin?notice=signed-out")
	}
	return rq.redirect("/settings?notice=revoked#sessions")
}

func (w *Web) revokeOthers(rq *request) error {
	if _, err := w.cfg.Tenancy.RevokeOtherSessions(rq.Context(), rq.who); err != nil {
		return err
	}
	return rq.redirect("/settings?notice=revoked#sessions")
}

// deviceName makes a few words of what a browser says about itself.
func deviceName(agent string) string {
	pick := func(pairs ...string) string {
		for i := 0; i < len(pairs); i += 2 {
			if strings.Contains(agent, pairs[i]) {
				return pairs[i+1]
			}
		}
		return ""
	}
	browser := pick("Edg/", "Edge", "OPR/", "Opera", "Firefox/", "Firefox", "Chrome/", "Chrome", "Safari/", "Safari", "curl/", "curl")
	system := pick("Android", "Android", "iPhone", "iPhone", "iPad", "iPad", "Windows", "Windows", "Mac OS", "macOS", "Linux", "Linux")
	switch {
	case browser != "" && system != "":
		return browser + " on " + system
	case browser+system != "":
		return browser + system
	case agent != "":
		return agent
	}
	return "Unknown device"
}
