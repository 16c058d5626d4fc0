/*
 * A PKCS#11 module for tests: a real one inside, and whatever can go wrong with an HSM around it.
 *
 * Keys, logins and signatures are the inner module's (NSS softoken), so what goes right is real. What goes wrong is written
 * in a control file, which tests replace while the module runs and which is read on every call:
 *
 *   hardware                     every slot is marked as hardware, and the names are those of no vendor
 *   absent                       the token is not in its slot: CKR_TOKEN_NOT_PRESENT, CKR_DEVICE_REMOVED
 *   locked                       the user PIN is locked: CKR_PIN_LOCKED, and the flag of the token
 *   sessions N                   sessions that were opened under another N are invalid, and objects have other handles
 *   logins N                     logins that were made under another N are gone
 *   attribute TYPE 0|1           what a CK_BBOOL attribute is claimed to be
 *   fault FUNCTION WHAT NUMBER TIMES NAME
 *                                WHAT: crash; hang; answer (CK_RV); slow (milliseconds); and for C_Sign length (added to the
 *                                length that is reported) and bytes (the signature is changed). TIMES 0: always. Otherwise
 *                                so often in all, counted in files NAME.1, NAME.2 …: also over restarts of the process.
 *
 * Every call is a line in CONTROL.log; behind C_Sign stands how many of it were running then, itself included.
 * Library parameters: "control=FILE;inner=FILE;" and the parameters of the inner module.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <pkcs11/pkcs11.h>

/* C_Initialize's arguments as NSS has them, and pkcs11js passes them: the parameters stand before pReserved. */
typedef struct {
  CK_CREATEMUTEX create;
  CK_DESTROYMUTEX destroy;
  CK_LOCKMUTEX lock;
  CK_UNLOCKMUTEX unlock;
  CK_FLAGS flags;
  char *parameters;
  void *reserved;
} init_args;

typedef struct {
  char function[32], what[16], name[64];
  long number;
  int times;
} fault;

typedef struct {
  int hardware, absent, locked, last_try, faults, attributes;
  char keypad[64];
  long sessions, logins;
  fault fault[16];
  struct {
    CK_ATTRIBUTE_TYPE type;
    CK_BBOOL value;
  } attribute[8];
} control;

#define MOST_SESSIONS 512
static CK_FUNCTION_LIST table;
static CK_FUNCTION_LIST *inner;
static char control_file[1024];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct {
  CK_SESSION_HANDLE handle;
  long life;
} opened[MOST_SESSIONS];
static int opened_count;
static long logins_seen;
static int signing;

static void read_control(control *c) {
  char line[256], word[32];
  memset(c, 0, sizeof *c);
  FILE *file = fopen(control_file, "r");
  if (file == NULL) return;
  while (fgets(line, sizeof line, file) != NULL) {
    unsigned long type = 0;
    int value = 0;
    fault *f = &c->fault[c->faults];
    if (sscanf(line, "%31s", word) != 1) continue;
    if (strcmp(word, "hardware") == 0) c->hardware = 1;
    if (strcmp(word, "absent") == 0) c->absent = 1;
    if (strcmp(word, "locked") == 0) c->locked = 1;
    if (strcmp(word, "last-try") == 0) c->last_try = 1;
    sscanf(line, "keypad %63s", c->keypad);
    sscanf(line, "sessions %ld", &c->sessions);
    sscanf(line, "logins %ld", &c->logins);
    if (c->attributes < 8 && sscanf(line, "attribute %lx %d", &type, &value) == 2) {
      c->attribute[c->attributes].type = type;
      c->attribute[c->attributes++].value = value != 0;
    }
    if (c->faults < 16 &&
        sscanf(line, "fault %31s %15s %ld %d %63s", f->function, f->what, &f->number, &f->times, f->name) == 5)
      c->faults++;
  }
  fclose(file);
}

/* One line with one write: several processes and threads append to the same file. */
static void note(const char *format, ...) {
  char path[1100], line[128];
  va_list values;
  va_start(values, format);
  int length = vsnprintf(line, sizeof line, format, values);
  va_end(values);
  snprintf(path, sizeof path, "%s.log", control_file);
  int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return;
  if (write(file, line, (size_t)length) != length) abort();
  close(file);
}

/* Whether a fault has a turn left. A file that exists is a turn that was taken, by this process or by one before it. */
static int due(const fault *f) {
  if (f->times == 0) return 1;
  for (int turn = 1; turn <= f->times; turn++) {
    char path[1200];
    snprintf(path, sizeof path, "%s.%s.%d", control_file, f->name, turn);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) continue;
    close(file);
    return 1;
  }
  return 0;
}

static void sleep_ms(long ms) {
  struct timespec time = {ms / 1000, (ms % 1000) * 1000000L};
  nanosleep(&time, NULL);
}

static void crash(void) {
  volatile char *volatile nowhere = (volatile char *)(uintptr_t)8;
  *nowhere = 1;
}

/* What is to happen when a function is entered; `length` and `bytes` are for C_Sign, which has the signature. */
static CK_RV enter(const control *c, const char *function) {
  for (int i = 0; i < c->faults; i++) {
    const fault *f = &c->fault[i];
    if (strcmp(f->function, function) != 0 || strcmp(f->what, "length") == 0 || strcmp(f->what, "bytes") == 0) continue;
    if (!due(f)) continue;
    if (strcmp(f->what, "crash") == 0) crash();
    if (strcmp(f->what, "slow") == 0) sleep_ms(f->number);
    if (strcmp(f->what, "answer") == 0) return (CK_RV)f->number;
    while (strcmp(f->what, "hang") == 0) pause();
  }
  return CKR_OK;
}

/* A session is as good as the token that it was opened with: gone when that is removed, and not back when it is. */
static CK_RV check_session(const control *c, CK_SESSION_HANDLE session) {
  if (c->absent) return CKR_DEVICE_REMOVED;
  pthread_mutex_lock(&mutex);
  long life = -1;
  for (int i = 0; i < opened_count; i++)
    if (opened[i].handle == session) life = opened[i].life;
  int logged_out = logins_seen != c->logins;
  logins_seen = c->logins;
  pthread_mutex_unlock(&mutex);
  if (logged_out) inner->C_Logout(session);
  return life == c->sessions ? CKR_OK : CKR_SESSION_HANDLE_INVALID;
}

static CK_RV enter_session(control *c, const char *function, CK_SESSION_HANDLE session) {
  read_control(c);
  note("%s\n", function);
  CK_RV rv = check_session(c, session);
  return rv == CKR_OK ? enter(c, function) : rv;
}

static CK_RV enter_slot(control *c, const char *function) {
  read_control(c);
  note("%s\n", function);
  return enter(c, function);
}

static void fill(CK_UTF8CHAR *field, size_t size, const char *text) {
  memset(field, ' ', size);
  memcpy(field, text, strlen(text));
}

/* Objects are numbered anew with each life of the sessions: a handle of an earlier one is "C_SignInit stale" in the log. */
#define LIFE_SHIFT 40
#define INNER_MASK ((1UL << LIFE_SHIFT) - 1)
static CK_OBJECT_HANDLE outer(const control *c, CK_OBJECT_HANDLE object) {
  return object | ((CK_OBJECT_HANDLE)c->sessions << LIFE_SHIFT);
}

/* Functions of a session whose answers are passed on as they are. */
#define PASSED_ON(name, parameters, arguments)                                     \
  static CK_RV on_##name parameters {                                              \
    control c;                                                                     \
    CK_RV rv = enter_session(&c, #name, session);                                  \
    return rv == CKR_OK ? inner->name arguments : rv;                              \
  }

PASSED_ON(C_GetSessionInfo, (CK_SESSION_HANDLE session, CK_SESSION_INFO *info), (session, info))
PASSED_ON(C_Logout, (CK_SESSION_HANDLE session), (session))
PASSED_ON(C_InitPIN, (CK_SESSION_HANDLE session, CK_UTF8CHAR *pin, CK_ULONG length), (session, pin, length))
PASSED_ON(C_SetPIN, (CK_SESSION_HANDLE session, CK_UTF8CHAR *old, CK_ULONG a, CK_UTF8CHAR *pin, CK_ULONG b),
          (session, old, a, pin, b))
PASSED_ON(C_FindObjectsInit, (CK_SESSION_HANDLE session, CK_ATTRIBUTE *a, CK_ULONG n), (session, a, n))
PASSED_ON(C_FindObjectsFinal, (CK_SESSION_HANDLE session), (session))
PASSED_ON(C_DestroyObject, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object), (session, object & INNER_MASK))

static CK_RV on_C_FindObjects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *objects, CK_ULONG most, CK_ULONG *count) {
  control c;
  CK_RV rv = enter_session(&c, "C_FindObjects", session);
  if (rv == CKR_OK) rv = inner->C_FindObjects(session, objects, most, count);
  for (CK_ULONG i = 0; rv == CKR_OK && i < *count; i++) objects[i] = outer(&c, objects[i]);
  return rv;
}

static CK_RV on_C_SignInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key) {
  control c;
  CK_RV rv = enter_session(&c, "C_SignInit", session);
  if (rv == CKR_OK && key != outer(&c, key & INNER_MASK)) note("C_SignInit stale\n");
  return rv == CKR_OK ? inner->C_SignInit(session, mechanism, key & INNER_MASK) : rv;
}

static CK_RV on_C_GenerateKeyPair(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *a, CK_ULONG a_count,
                                  CK_ATTRIBUTE *b, CK_ULONG b_count, CK_OBJECT_HANDLE *public_key,
                                  CK_OBJECT_HANDLE *private_key) {
  control c;
  CK_RV rv = enter_session(&c, "C_GenerateKeyPair", session);
  if (rv == CKR_OK) rv = inner->C_GenerateKeyPair(session, mechanism, a, a_count, b, b_count, public_key, private_key);
  if (rv == CKR_OK) *public_key = outer(&c, *public_key);
  if (rv == CKR_OK) *private_key = outer(&c, *private_key);
  return rv;
}

static CK_RV on_C_GetInfo(CK_INFO *info) {
  control c;
  CK_RV rv = enter_slot(&c, "C_GetInfo");
  if (rv == CKR_OK) rv = inner->C_GetInfo(info);
  if (rv == CKR_OK && c.hardware) {
    fill(info->manufacturerID, sizeof info->manufacturerID, "Acme Instruments");
    fill(info->libraryDescription, sizeof info->libraryDescription, "Acme test module");
  }
  return rv;
}

static CK_RV on_C_GetSlotList(CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *count) {
  control c;
  CK_RV rv = enter_slot(&c, "C_GetSlotList");
  return rv == CKR_OK ? inner->C_GetSlotList(present, slots, count) : rv;
}

static CK_RV on_C_GetSlotInfo(CK_SLOT_ID slot, CK_SLOT_INFO *info) {
  control c;
  CK_RV rv = enter_slot(&c, "C_GetSlotInfo");
  if (rv == CKR_OK) rv = inner->C_GetSlotInfo(slot, info);
  if (rv != CKR_OK) return rv;
  if (c.hardware) {
    info->flags |= CKF_HW_SLOT | CKF_REMOVABLE_DEVICE;
    fill(info->slotDescription, sizeof info->slotDescription, "Acme reader");
    fill(info->manufacturerID, sizeof info->manufacturerID, "Acme Instruments");
  }
  if (c.absent) info->flags &= ~(CK_FLAGS)CKF_TOKEN_PRESENT;
  return rv;
}

static CK_RV on_C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info) {
  control c;
  CK_RV rv = enter_slot(&c, "C_GetTokenInfo");
  if (rv == CKR_OK && c.absent) rv = CKR_TOKEN_NOT_PRESENT;
  if (rv == CKR_OK) rv = inner->C_GetTokenInfo(slot, info);
  if (rv != CKR_OK) return rv;
  if (c.hardware) {
    fill(info->manufacturerID, sizeof info->manufacturerID, "Acme Instruments");
    fill(info->model, sizeof info->model, "Acme A1");
  }
  if (c.locked) info->flags |= CKF_USER_PIN_LOCKED;
  if (c.last_try) info->flags |= CKF_USER_PIN_FINAL_TRY;
  if (c.keypad[0] != 0) info->flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
  return rv;
}

static CK_RV on_C_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, void *data, CK_NOTIFY notify, CK_SESSION_HANDLE *session) {
  control c;
  CK_RV rv = enter_slot(&c, "C_OpenSession");
  if (rv == CKR_OK && c.absent) rv = CKR_TOKEN_NOT_PRESENT;
  if (rv == CKR_OK) rv = inner->C_OpenSession(slot, flags, data, notify, session);
  if (rv != CKR_OK) return rv;
  pthread_mutex_lock(&mutex);
  if (opened_count == MOST_SESSIONS) abort();
  opened[opened_count].handle = *session;
  opened[opened_count++].life = c.sessions;
  pthread_mutex_unlock(&mutex);
  return rv;
}

static CK_RV on_C_CloseSession(CK_SESSION_HANDLE session) {
  control c;
  CK_RV rv = enter_session(&c, "C_CloseSession", session);
  if (rv != CKR_OK) return rv;
  pthread_mutex_lock(&mutex);
  for (int i = 0; i < opened_count; i++)
    if (opened[i].handle == session) opened[i--] = opened[--opened_count];
  pthread_mutex_unlock(&mutex);
  return inner->C_CloseSession(session);
}

static CK_RV on_C_Login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG length) {
  control c;
  CK_RV rv = enter_session(&c, "C_Login", session);
  if (rv == CKR_OK && c.locked && user == CKU_USER) rv = CKR_PIN_LOCKED;
  /* As OpenSC has it: what decides is the length, and what was typed is known here only. */
  if (c.keypad[0] != 0 && length == 0) pin = (CK_UTF8CHAR *)c.keypad, length = strlen(c.keypad);
  return rv == CKR_OK ? inner->C_Login(session, user, pin, length) : rv;
}

static CK_RV on_C_GetAttributeValue(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *list, CK_ULONG n) {
  control c;
  CK_RV rv = enter_session(&c, "C_GetAttributeValue", session);
  if (rv == CKR_OK) rv = inner->C_GetAttributeValue(session, object & INNER_MASK, list, n);
  for (CK_ULONG i = 0; rv == CKR_OK && i < n; i++)
    for (int a = 0; a < c.attributes; a++)
      if (list[i].type == c.attribute[a].type && list[i].pValue != NULL && list[i].ulValueLen == 1)
        *(CK_BBOOL *)list[i].pValue = c.attribute[a].value;
  return rv;
}

static CK_RV on_C_Sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG length, CK_BYTE *out, CK_ULONG *out_length) {
  control c;
  note("C_Sign %d\n", __atomic_add_fetch(&signing, 1, __ATOMIC_SEQ_CST));
  read_control(&c);
  CK_RV rv = enter(&c, "C_Sign");
  /* Read anew: what was slow may have been removed meanwhile. */
  read_control(&c);
  if (rv == CKR_OK) rv = check_session(&c, session);
  if (rv == CKR_OK) rv = inner->C_Sign(session, data, length, out, out_length);
  for (int i = 0; rv == CKR_OK && out != NULL && i < c.faults; i++) {
    const fault *f = &c.fault[i];
    int length_lie = strcmp(f->what, "length") == 0, wrong = strcmp(f->what, "bytes") == 0;
    if (strcmp(f->function, "C_Sign") != 0 || (!length_lie && !wrong) || !due(f)) continue;
    if (length_lie) *out_length += (CK_ULONG)f->number;
    if (wrong) out[f->number] ^= 1;
  }
  __atomic_sub_fetch(&signing, 1, __ATOMIC_SEQ_CST);
  return rv;
}

/* "name=VALUE;" at the beginning of the parameters; what follows it is returned. */
static char *parameter(char *text, const char *name, char *value, size_t size) {
  size_t length = strlen(name);
  char *end = strchr(text, ';');
  if (strncmp(text, name, length) != 0 || end == NULL || (size_t)(end - text) - length >= size) return NULL;
  memcpy(value, text + length, (size_t)(end - text) - length);
  value[end - text - (ptrdiff_t)length] = 0;
  return end + 1;
}

/* Until here there is no inner module, and nothing but C_Initialize may be called. */
static CK_RV on_C_Initialize(void *arguments) {
  init_args args;
  control c;
  char inner_file[1024];
  CK_FUNCTION_LIST *list;
  if (arguments == NULL) return CKR_ARGUMENTS_BAD;
  memcpy(&args, arguments, sizeof args);
  char *rest = args.parameters == NULL ? NULL : parameter(args.parameters, "control=", control_file, sizeof control_file);
  if (rest != NULL) rest = parameter(rest, "inner=", inner_file, sizeof inner_file);
  if (rest == NULL) return CKR_ARGUMENTS_BAD;
  CK_RV rv = enter_slot(&c, "C_Initialize");
  if (rv != CKR_OK) return rv;
  void *library = dlopen(inner_file, RTLD_NOW | RTLD_LOCAL);
  CK_C_GetFunctionList get = library == NULL ? NULL : (CK_C_GetFunctionList)(intptr_t)dlsym(library, "C_GetFunctionList");
  if (get == NULL || get(&list) != CKR_OK) return CKR_GENERAL_ERROR;
  args.parameters = rest;
  rv = list->C_Initialize(&args);
  if (rv != CKR_OK) return rv;
  logins_seen = c.logins;
  inner = list;
  table = *list;
  table.C_GetFunctionList = C_GetFunctionList;
  table.C_GetInfo = on_C_GetInfo;
  table.C_GetSlotList = on_C_GetSlotList;
  table.C_GetSlotInfo = on_C_GetSlotInfo;
  table.C_GetTokenInfo = on_C_GetTokenInfo;
  table.C_OpenSession = on_C_OpenSession;
  table.C_CloseSession = on_C_CloseSession;
  table.C_GetSessionInfo = on_C_GetSessionInfo;
  table.C_Login = on_C_Login;
  table.C_Logout = on_C_Logout;
  table.C_InitPIN = on_C_InitPIN;
  table.C_SetPIN = on_C_SetPIN;
  table.C_FindObjectsInit = on_C_FindObjectsInit;
  table.C_FindObjects = on_C_FindObjects;
  table.C_FindObjectsFinal = on_C_FindObjectsFinal;
  table.C_GetAttributeValue = on_C_GetAttributeValue;
  table.C_DestroyObject = on_C_DestroyObject;
  table.C_GenerateKeyPair = on_C_GenerateKeyPair;
  table.C_SignInit = on_C_SignInit;
  table.C_Sign = on_C_Sign;
  return CKR_OK;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list) {
  table.version.major = 2;
  table.version.minor = 40;
  table.C_GetFunctionList = C_GetFunctionList;
  table.C_Initialize = on_C_Initialize;
  *list = &table;
  return CKR_OK;
}
