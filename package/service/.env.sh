# What every run script begins with: errors go to the logger, the values of
# the environment directory are set, and fd 3, where a service says that it is
# ready, exists under supervisors that open none.
exec 2>&1
( : >&3 ) 2>/dev/null || exec 3>/dev/null
for f in "@env@"/*; do
  IFS= read -r v <"$f" || [ -n "$v" ] || continue
  export "${f##*/}=$v"
done
export PATH="@bin@:$PATH"
unset f v

root() { [ "$(id -u)" -eq 0 ]; }
# drop USER PROG…: as that user, where we are root
drop() {
  u=$1
  shift
  ! root || set -- setpriv --reuid "$u" --regid "$u" --clear-groups "$@"
  exec "$@"
}
# Options for the listeners and servers; none of them as an ordinary user.
as() { ! root || echo "-u $(id -u "$1"):$(id -g "$1")"; } # drop to USER
for_user() { ! root || echo "-o $(id -u "$1") -m 600"; }  # socket of one USER
for_users() { # socket of several USERs: the server checks who they are
  echo "-m 666"
}
only() { # -U option for USER…
  root || { echo "-U $(id -u)"; return; }
  list=
  for u; do list=$list,$(id -u "$u"); done
  echo "-U ${list#,}"
}
