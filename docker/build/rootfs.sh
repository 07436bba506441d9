#!/bin/sh
# Makes /rootfs: the program with the libraries that it is linked to, certificates, a user, a shell, samples.
set -eu
/build/apt.sh ca-certificates busybox-static
root=/rootfs
mkdir -p $root/usr/bin $root/usr/lib $root/etc/ssl/certs $root/usr/share/springald $root/opt/workspace \
    $root/home/springald $root/run/springald $root/tmp $root/proc $root/sys $root/dev
chmod 1777 $root/tmp $root/home/springald
# As in the base, where /bin and /lib are links into /usr.
for dir in bin lib lib64; do
    if [ -L /$dir ]; then
        cp -P /$dir $root/$dir
        mkdir -p $root/usr/$dir
    fi
done

mv /parts/springald $root/usr/bin/springald
# The loader and the libraries, by the paths at which the program looks for them.
for lib in $(ldd $root/usr/bin/springald | grep -o '/[^ ]*'); do
    mkdir -p "$root$(dirname "$lib")"
    cp -L "$lib" "$root$lib"
done
cp /etc/ssl/certs/ca-certificates.crt $root/etc/ssl/certs/
cp /etc/nsswitch.conf $root/etc/ 2>/dev/null || echo 'hosts: files dns' >$root/etc/nsswitch.conf
printf 'root:x:0:0::/:/bin/sh\nspringald:x:1000:1000::/home/springald:/bin/sh\n' >$root/etc/passwd
printf 'root:x:0:\nspringald:x:1000:\n' >$root/etc/group

# What the first start and the health checks use, and who looks into a container expects.
cp /bin/busybox $root/usr/bin/busybox
for tool in sh basename cat dirname chmod chown cp cut df du env find grep head hostname id ls mkdir mv \
    nslookup od ps rm sleep stat tail test touch tr wc wget; do
    ln -s busybox $root/usr/bin/$tool
done
cp -r /build/share/. $root/usr/share/springald/
mkdir $root/usr/share/springald/datain
cd $root/usr/share/springald
mv words.txt people.csv people.json points.libsvm sample_linear_regression_data.txt datain/
find . -maxdepth 1 -type f ! -name first-start.sh -delete
for sample in "tpch --scale 0.01" "text --size 400KB --files 4" "logs --rows 3000"; do
    # shellcheck disable=SC2086 # words, not one
    $root/usr/bin/springald datagen $sample --out "datain/${sample%% *}" >/dev/null
done
chmod -R a+rX datain
chmod 755 first-start.sh
$root/usr/bin/springald --version
