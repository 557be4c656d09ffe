#include "store/faulty_vfs_test.h"

#include <atomic>
#include <cstring>
#include <memory>
#include <string>

namespace marquee::store {
namespace {

std::atomic<int> every_write{SQLITE_OK};
std::atomic<int> database_write{SQLITE_OK};
sqlite3_vfs* system_vfs = nullptr;
sqlite3_vfs faulty_vfs;

/// Our part of an open file, placed after the system's own.
struct FaultyFile {
  sqlite3_io_methods methods;
  const sqlite3_io_methods* system_methods;
  bool is_database;
};

FaultyFile& ours(sqlite3_file* file) {
  return *reinterpret_cast<FaultyFile*>(reinterpret_cast<char*>(file) + (faulty_vfs.szOsFile - sizeof(FaultyFile)));
}

int fault_of(const FaultyFile& file) {
  if (const int code = every_write; code != SQLITE_OK) return code;
  return file.is_database ? database_write.load() : SQLITE_OK;
}

int faulty_write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  const int fault = fault_of(ours(file));
  if (fault == SQLITE_IOERR_FSYNC || fault == SQLITE_OK)
    return ours(file).system_methods->xWrite(file, data, size, offset);
  return fault;
}

int faulty_sync(sqlite3_file* file, int flags) {
  const int fault = fault_of(ours(file));
  return fault == SQLITE_OK ? ours(file).system_methods->xSync(file, flags) : fault;
}

int faulty_open(sqlite3_vfs*, sqlite3_filename name, sqlite3_file* file, int flags, int* out_flags) {
  const int code = system_vfs->xOpen(system_vfs, name, file, flags, out_flags);
  if (code != SQLITE_OK || file->pMethods == nullptr) return code;
  FaultyFile& extra = ours(file);
  extra.system_methods = file->pMethods;
  extra.methods = *file->pMethods;
  extra.methods.xWrite = faulty_write;
  extra.methods.xSync = faulty_sync;
  extra.is_database = (flags & SQLITE_OPEN_MAIN_DB) != 0;
  file->pMethods = &extra.methods;
  return SQLITE_OK;
}

}  // namespace

void FaultyVfs::install() {
  if (system_vfs != nullptr) return;
  system_vfs = sqlite3_vfs_find(nullptr);
  faulty_vfs = *system_vfs;
  faulty_vfs.zName = kName;
  faulty_vfs.szOsFile += static_cast<int>(sizeof(FaultyFile));
  faulty_vfs.pNext = nullptr;
  faulty_vfs.xOpen = faulty_open;
  sqlite3_vfs_register(&faulty_vfs, 0);
}

void FaultyVfs::fail_writes_with(int code) { every_write = code; }

void FaultyVfs::fail_database_writes_with(int code) { database_write = code; }

}  // namespace marquee::store
