# Say why a job ended that cannot say so itself, given its exit status: a signal has killed it, or
# the disk is full and with it the log.
if [ "$1" -gt 128 ]; then
  name=$(kill -l $(($1 - 128)))
  case $name in
    KILL) cause="memory ran out, or somebody killed it; start again with fewer --cores" ;;
    XCPU) cause="its limit of processor time was reached" ;;
    TERM) cause="a time limit of the cluster was reached, or somebody ended it" ;;
    *) cause="its log may say more" ;;
  esac
  echo "snakemake: the job was killed by signal $(($1 - 128)) (SIG$name): $cause" >&2
elif [ "$1" -gt 0 ] && [ "$(df --output=avail -k . | tail -1)" -lt 1024 ]; then
  echo "snakemake: $PWD: the disk is full; free some space and start again" >&2
fi
