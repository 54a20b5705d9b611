#!/bin/sh
# Builds and runs samples/consumer against what `mvn package` has made, the way somebody else's project would use it: from a
# Maven repository of its own in samples/target, which shows the user's repository through links and has Coppice beside it.
# Options go to Maven: samples/run.sh -o
set -eu
root=$(cd "$(dirname "$0")/.." && pwd -P)
user=${MAVEN_REPOSITORY:-$HOME/.m2/repository}
work=$root/samples/target
version=$(sed -n 's/^  <version>\(.*\)<\/version>$/\1/p' "$root/pom.xml")

rm -rf "$work"
mkdir -p "$work/repository/dev/coppice"
for folder in "$user"/*; do
  [ "$folder" = "$user/dev" ] || [ ! -d "$folder" ] || ln -s "$folder" "$work/repository/"
done
for folder in "$user"/dev/*; do
  [ "$folder" = "$user/dev/coppice" ] || [ ! -d "$folder" ] || ln -s "$folder" "$work/repository/dev/"
done

# What `mvn install` does with an artifact.
publish() {
  place=$work/repository/dev/coppice/$1/$version
  mkdir -p "$place"
  cp "$2/pom.xml" "$place/$1-$version.pom"
  for jar in "$2/target/$1-$version"*.jar; do
    [ ! -f "$jar" ] || cp "$jar" "$place/"
  done
}
publish coppice "$root"
publish coppice-bom "$root/bom"
publish coppice-api "$root/java-api"
publish coppice-formats "$root/formats"
publish coppice-native "$root/native"
[ -f "$work/repository/dev/coppice/coppice-api/$version/coppice-api-$version.jar" ] || {
  echo "samples/run.sh: nothing is built; run mvn -DskipTests package first" >&2
  exit 1
}

model=$root/evaluation/src/main/resources/dev/coppice/evaluation/fashion/fashion-resnet.onnx
cd "$root/samples/consumer"
mvn -B -q "$@" -Dmaven.repo.local="$work/repository" -Dcoppice.version="$version" \
  compile exec:java -Dexec.args="$model $work/pruned.onnx" >"$work/log" 2>&1 || {
  tail -n 30 "$work/log" >&2
  exit 1
}
cat "$work/log"
grep -q '^array 4$' "$work/log" && grep -q '^checkpoint [1-9]' "$work/log" && [ -s "$work/pruned.onnx" ] || {
  echo "samples/run.sh: the consumer did not prune" >&2
  exit 1
}
