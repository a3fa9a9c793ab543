# What ci/docs asks of the public items. The sources are read twice: first to learn which types are futures, then to look.
# A line for each section that is missing: the section, a tab, where.

BEGIN {
    split("Safety,Panics,Errors,Cancel safety,Complexity,Examples,Source", order, ",")
    for (n in order) rank[order[n]] = n + 0
}

# A noun is a file and the folder of that name: its names mean the same there.
function noun_of(file,    part) {
    sub(/\.rs$/, "", file)
    split(file, part, "/")
    return part[1] "/" part[3]
}

# The name a type or a declaration begins with: `channel::Sender<T>` is `Sender`.
function name_of(text) {
    sub(/^ *(pub )?((struct|enum|union|trait) )?/, "", text)
    sub(/[^A-Za-z0-9_:].*/, "", text)
    sub(/.*::/, "", text)
    return text
}

# What stands behind the bracket that closes the one `text` begins with.
function behind(text,    at, depth, letter) {
    for (at = 1; at <= length(text); at++) {
        letter = substr(text, at, 1)
        if (letter ~ /[<(\[]/) depth++
        if (letter ~ /[>)\]]/ && --depth == 0) return substr(text, at + 1)
    }
    return ""
}

# The type that a function's head says it returns.
function returned(text) {
    gsub(/->/, "\001", text)
    sub(/.*fn [a-z_0-9]+/, "", text)
    if (text ~ /^</) text = behind(text)
    text = behind(text)
    if (text !~ /^ *\001/) return ""
    sub(/^ *\001 */, "", text)
    sub(/( where .*| *\{.*|;.*)$/, "", text)
    return text
}

# The type an `impl` line is about.
function subject(text) {
    gsub(/->/, "\001", text)
    sub(/^ *(unsafe )?impl */, "", text)
    if (text ~ /^</) text = behind(text)
    sub(/.* for /, "", text)
    return name_of(text)
}

# Whether a noun's type is in a set; a name that the noun has not is another's.
function is_among(set, name) { return ((noun, name) in declared) ? ((noun, name) in set) : (name in set) }

function forget() { hidden = exported = fenced = strayed = 0; sections = "/"; current = "" }
function has(section) { return index(sections, "/" section "/") }
function tell(section) { print section "\t" FILENAME ":" line_of_item ": " item }
function demand(section) { if (!has(section)) tell(section) }

function ask() {
    if (!fenced) tell("an example")
    if (strayed) tell("the heading of the example")
    ask_order()
    if (item ~ /(^| )fn /) ask_function()
    else if (item ~ /^macro_rules!/) { demand("Cancel safety"); demand("Complexity") }
    else if (has("Complexity")) costed[noun, name_of(item)] = 1
    else if (item ~ /^pub (struct|enum|trait) /) silent[noun, name_of(item)] = FILENAME ":" line_of_item ": " item
}

function ask_order(    n, at, last, list) {
    n = split(sections, list, "/")
    for (at = 1; at <= n; at++) {
        if (list[at] == "") continue
        if (!(list[at] in rank)) { tell("a heading we know instead of " list[at]); continue }
        if (rank[list[at]] < last) tell("the order of sections, " list[at])
        last = rank[list[at]]
    }
}

function ask_function(    type, name, is_awaited) {
    type = returned(item)
    name = name_of(type)
    # A method that makes one out of `self` only changes what the caller has.
    if (name == "Self" && item !~ /\((mut )?self[,)]/) name = owner
    is_awaited = item ~ /(^| )async fn / || type ~ /^impl (std::future::)?Future|dyn Future/ || is_among(future, name)
    if (type ~ /(^|[^A-Za-z])Result($|[^A-Za-z])/ || is_among(fallible, name)) demand("Errors")
    if (is_awaited) demand("Cancel safety")
    if (FILENAME ~ /^sync\// && item ~ /(impl|:) Fn(Once|Mut)?\(/) demand("Panics")
    if (FILENAME !~ /^(sync|timer|executor)\//) return
    if (owner != "") { if (is_awaited || item ~ /fn (poll_[a-z_]+|[a-z_]+_blocking|len)[(<]/) costly[noun, owner] = 1 }
    else if (is_awaited) demand("Complexity")
}

FNR == 1 {
    if (FILENAME in learnt) looking = 1
    learnt[FILENAME] = 1
    noun = noun_of(FILENAME)
    inside = sealed = is_in_head = body = 0
    owner = awaited = ""
    forget()
}
{ line = $0; sub(/^ +/, "", line) }

!looking {
    if (line ~ /^(pub )?(struct|enum) /) declared[noun, name_of(line)] = 1
    if (line ~ /^impl.* Future for /) {
        awaited = subject(line)
        future[noun, awaited] = future[awaited] = 1
    }
    if (awaited != "" && line ~ /^type Output = /) {
        if (line ~ /Result</) fallible[noun, awaited] = fallible[awaited] = 1
        awaited = ""
    }
    next
}

# The rest of a function's head that is longer than a line, and its body up to the brace below its first letter.
is_in_head {
    item = item " " line
    if (line ~ /[{;]$/) { is_in_head = 0; sub(/ *\{$/, "", item); ask(); body = line ~ /\{$/; if (!body) forget() }
    next
}
body {
    if (line ~ /(^|[^_a-z])(panic|assert|assert_eq|assert_ne|todo|unimplemented)!|\.unwrap\(\)/ && line !~ /^\/\//) demand("Panics")
    match($0, /^ */)
    if (RLENGTH == margin && line ~ /^}/) { body = 0; forget() }
    next
}

# A trait, and a module that seals one, up to the brace that ends it; the type that methods belong to.
/^pub (unsafe )?trait .*\{$/ { inside = 1; owner = name_of($0) }
/^(pub\(crate\) )?mod (private|sealed) \{$/ { sealed = 1 }
/^}/ { inside = sealed = 0; owner = "" }
sealed { next }
/^ *(unsafe )?impl[ <]/ { owner = subject($0) }

line ~ /^\/\/\// {
    if (line ~ /```/) { if (current != "" && current != "Examples") strayed = 1; fenced++; next }
    if (fenced % 2 == 0 && line ~ /^\/\/\/ # /) { current = substr(line, 7); sections = sections current "/" }
    next
}
line ~ /^\/\// { next }
line ~ /^#\[/ {
    if (line ~ /doc\(hidden\)|cfg\(filch_/) hidden = 1
    if (line ~ /macro_export/) exported = 1
    next
}
line ~ /^pub (unsafe |const |async )*(fn|struct|enum|union|trait|type|const|static) / \
    || (inside && /^    (unsafe |const |async )*fn /) \
    || (line ~ /^macro_rules! / && exported) {
    if (hidden) { forget(); next }
    item = line
    line_of_item = FNR
    match($0, /^ */)
    margin = RLENGTH
    if (line ~ /(^| )fn / && line !~ /[{;}]$/) { is_in_head = 1; next }
    sub(/ *\{$/, "", item)
    ask()
    body = line ~ /(^| )fn .*\{$/
    if (!body) forget()
    next
}
{ forget() }

END { for (type in costly) if (!(type in costed) && type in silent) print "Complexity\t" silent[type] }
