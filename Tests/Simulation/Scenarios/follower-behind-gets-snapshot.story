0.000 candidates node1
      node1 starts, boot 1
      node2 starts, boot 1
      node3 starts, boot 1
      committed to 1
      node1 campaigns in term 2
      node1 leads in term 2
      committed to 5
2.000 crash node3
      node3 is down
2.000 client0 at node1
2.100 client0 write r0 A
2.100 client0 write r1 B
2.100 client0 write r0 C
2.100 client0 write r1 D
2.100 client0 write r0 E
2.100 client0 write r1 F
      committed to 6
      client0 writes r0: done
      committed to 7
      client0 writes r1: done
      committed to 8
      client0 writes r0: done
      committed to 9
      client0 writes r1: done
      committed to 10
      client0 writes r0: done
      committed to 11
      client0 writes r1: done
5.000 restart node3
      node3 starts, boot 2
      committed to 12
8.000 client0 write r0 G
      committed to 13
      client0 writes r0: done
8.100 client1 at node3
8.100 client1 read r0
8.100 client1 read r1
      client1 reads r0: G
      client1 reads r1: F
       the faults stop for node1 node2 node3
       committed to 17
       held
